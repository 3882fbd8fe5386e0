from python_backend.tasks.document_question_answering import Postprocess as TritonPythonModel  # noqa: F401
