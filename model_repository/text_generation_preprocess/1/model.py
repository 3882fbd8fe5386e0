from python_backend.tasks.text_generation import Preprocess as TritonPythonModel  # noqa: F401
