from python_backend.tasks.text_classification import Model as TritonPythonModel  # noqa: F401
