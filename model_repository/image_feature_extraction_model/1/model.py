from python_backend.tasks.image_feature_extraction import Model as TritonPythonModel  # noqa: F401
