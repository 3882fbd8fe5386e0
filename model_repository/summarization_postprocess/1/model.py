from python_backend.tasks.summarization import Postprocess as TritonPythonModel  # noqa: F401
