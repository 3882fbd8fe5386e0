from python_backend.tasks.audio_classification import Preprocess as TritonPythonModel  # noqa: F401
