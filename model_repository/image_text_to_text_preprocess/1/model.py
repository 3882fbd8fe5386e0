from python_backend.tasks.image_text_to_text import Preprocess as TritonPythonModel  # noqa: F401
