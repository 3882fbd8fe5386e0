from python_backend.tasks.translation import Model as TritonPythonModel  # noqa: F401
