from python_backend.tasks.summarization import Model as TritonPythonModel  # noqa: F401
