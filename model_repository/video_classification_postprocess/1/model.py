from python_backend.tasks.video_classification import Postprocess as TritonPythonModel  # noqa: F401
