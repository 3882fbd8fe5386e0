from python_backend.tasks.image_to_text import Preprocess as TritonPythonModel  # noqa: F401
