from python_backend.tasks.table_question_answering import Model as TritonPythonModel  # noqa: F401
