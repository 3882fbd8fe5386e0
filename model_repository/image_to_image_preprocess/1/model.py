from python_backend.tasks.image_to_image import Preprocess as TritonPythonModel  # noqa: F401
