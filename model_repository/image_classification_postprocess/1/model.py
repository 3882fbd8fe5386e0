from python_backend.tasks.image_classification import Postprocess as TritonPythonModel  # noqa: F401
