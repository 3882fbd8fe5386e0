from python_backend.tasks.depth_estimation import Postprocess as TritonPythonModel  # noqa: F401
