from python_backend.tasks.image_segmentation import Postprocess as TritonPythonModel  # noqa: F401
