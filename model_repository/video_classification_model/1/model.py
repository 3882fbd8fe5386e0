from python_backend.tasks.video_classification import Model as TritonPythonModel  # noqa: F401
