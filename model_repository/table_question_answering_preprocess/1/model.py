from python_backend.tasks.table_question_answering import Preprocess as TritonPythonModel  # noqa: F401
