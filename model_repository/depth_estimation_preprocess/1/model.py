from python_backend.tasks.depth_estimation import Preprocess as TritonPythonModel  # noqa: F401
