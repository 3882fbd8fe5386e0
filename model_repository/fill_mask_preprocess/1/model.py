from python_backend.tasks.fill_mask import Preprocess as TritonPythonModel  # noqa: F401
