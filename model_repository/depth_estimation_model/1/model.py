from python_backend.tasks.depth_estimation import Model as TritonPythonModel  # noqa: F401
