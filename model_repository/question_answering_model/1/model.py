from python_backend.tasks.question_answering import Model as TritonPythonModel  # noqa: F401
