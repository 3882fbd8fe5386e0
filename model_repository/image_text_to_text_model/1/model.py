from python_backend.tasks.image_text_to_text import Model as TritonPythonModel  # noqa: F401
