from python_backend.tasks.zero_shot_image_classification import Model as TritonPythonModel  # noqa: F401
