from python_backend.tasks.token_classification import Model as TritonPythonModel  # noqa: F401
