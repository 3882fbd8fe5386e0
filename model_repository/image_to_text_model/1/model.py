from python_backend.tasks.image_to_text import Model as TritonPythonModel  # noqa: F401
