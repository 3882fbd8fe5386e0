from python_backend.tasks.image_to_image import Postprocess as TritonPythonModel  # noqa: F401
