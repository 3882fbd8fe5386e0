from python_backend.tasks.zero_shot_image_classification import Preprocess as TritonPythonModel  # noqa: F401
