from python_backend.tasks.object_detection import Preprocess as TritonPythonModel  # noqa: F401
