from python_backend.tasks.text_generation import Postprocess as TritonPythonModel  # noqa: F401
