from python_backend.tasks.zero_shot_object_detection import Preprocess as TritonPythonModel  # noqa: F401
