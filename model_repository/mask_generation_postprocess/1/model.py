from python_backend.tasks.mask_generation import Postprocess as TritonPythonModel  # noqa: F401
