from python_backend.tasks.mask_generation import Preprocess as TritonPythonModel  # noqa: F401
