from python_backend.tasks.image_text_to_text import Postprocess as TritonPythonModel  # noqa: F401
