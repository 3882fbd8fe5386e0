from python_backend.tasks.translation import Preprocess as TritonPythonModel  # noqa: F401
