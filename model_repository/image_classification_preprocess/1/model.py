from python_backend.tasks.image_classification import Preprocess as TritonPythonModel  # noqa: F401
