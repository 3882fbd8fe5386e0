from python_backend.tasks.fill_mask import Model as TritonPythonModel  # noqa: F401
