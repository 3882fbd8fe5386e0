from python_backend.tasks.feature_extraction import Model as TritonPythonModel  # noqa: F401
