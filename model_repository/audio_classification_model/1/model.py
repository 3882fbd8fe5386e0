from python_backend.tasks.audio_classification import Model as TritonPythonModel  # noqa: F401
