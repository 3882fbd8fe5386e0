from python_backend.tasks.object_detection import Postprocess as TritonPythonModel  # noqa: F401
