from python_backend.tasks.object_detection import Model as TritonPythonModel  # noqa: F401
