from python_backend.tasks.fill_mask import Postprocess as TritonPythonModel  # noqa: F401
