from python_backend.tasks.image_classification import Model as TritonPythonModel  # noqa: F401
