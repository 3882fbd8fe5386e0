from python_backend.tasks.text2text_generation import Preprocess as TritonPythonModel  # noqa: F401
