from python_backend.tasks.text_classification import Preprocess as TritonPythonModel  # noqa: F401
