from python_backend.tasks.automatic_speech_recognition import Preprocess as TritonPythonModel  # noqa: F401
