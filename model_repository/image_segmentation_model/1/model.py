from python_backend.tasks.image_segmentation import Model as TritonPythonModel  # noqa: F401
