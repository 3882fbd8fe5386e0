from python_backend.tasks.text2text_generation import Model as TritonPythonModel  # noqa: F401
