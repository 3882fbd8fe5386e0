from python_backend.tasks.translation import Postprocess as TritonPythonModel  # noqa: F401
