from python_backend.tasks.document_question_answering import Preprocess as TritonPythonModel  # noqa: F401
