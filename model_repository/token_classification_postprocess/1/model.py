from python_backend.tasks.token_classification import Postprocess as TritonPythonModel  # noqa: F401
