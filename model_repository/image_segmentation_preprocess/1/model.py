from python_backend.tasks.image_segmentation import Preprocess as TritonPythonModel  # noqa: F401
