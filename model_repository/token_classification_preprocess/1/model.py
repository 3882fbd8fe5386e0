from python_backend.tasks.token_classification import Preprocess as TritonPythonModel  # noqa: F401
