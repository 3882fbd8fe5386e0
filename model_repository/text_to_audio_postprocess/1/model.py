from python_backend.tasks.text_to_audio import Postprocess as TritonPythonModel  # noqa: F401
