from python_backend.tasks.video_classification import Preprocess as TritonPythonModel  # noqa: F401
