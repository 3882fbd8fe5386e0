from python_backend.tasks.text_classification import Postprocess as TritonPythonModel  # noqa: F401
