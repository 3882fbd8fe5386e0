from python_backend.tasks.zero_shot_object_detection import Postprocess as TritonPythonModel  # noqa: F401
