from python_backend.tasks.zero_shot_object_detection import Model as TritonPythonModel  # noqa: F401
