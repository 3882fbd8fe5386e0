from python_backend.tasks.image_feature_extraction import Postprocess as TritonPythonModel  # noqa: F401
