from python_backend.tasks.text_to_audio import Model as TritonPythonModel  # noqa: F401
