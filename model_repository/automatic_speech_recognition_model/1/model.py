from python_backend.tasks.automatic_speech_recognition import Model as TritonPythonModel  # noqa: F401
