from python_backend.tasks.feature_extraction import Preprocess as TritonPythonModel  # noqa: F401
