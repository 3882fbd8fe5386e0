from python_backend.tasks.text_generation import Model as TritonPythonModel  # noqa: F401
