from python_backend.tasks.table_question_answering import Postprocess as TritonPythonModel  # noqa: F401
