from python_backend.tasks.text_to_audio import Preprocess as TritonPythonModel  # noqa: F401
