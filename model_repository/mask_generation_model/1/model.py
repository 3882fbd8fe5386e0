from python_backend.tasks.mask_generation import Model as TritonPythonModel  # noqa: F401
