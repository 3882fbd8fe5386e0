from python_backend.tasks.image_to_image import Model as TritonPythonModel  # noqa: F401
