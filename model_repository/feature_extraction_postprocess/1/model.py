from python_backend.tasks.feature_extraction import Postprocess as TritonPythonModel  # noqa: F401
