from python_backend.tasks.summarization import Preprocess as TritonPythonModel  # noqa: F401
