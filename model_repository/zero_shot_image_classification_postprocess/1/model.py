from python_backend.tasks.zero_shot_image_classification import Postprocess as TritonPythonModel  # noqa: F401
