from python_backend.tasks.audio_classification import Postprocess as TritonPythonModel  # noqa: F401
