from python_backend.tasks.image_feature_extraction import Preprocess as TritonPythonModel  # noqa: F401
