from python_backend.tasks.automatic_speech_recognition import Postprocess as TritonPythonModel  # noqa: F401
