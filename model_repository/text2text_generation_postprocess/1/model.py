from python_backend.tasks.text2text_generation import Postprocess as TritonPythonModel  # noqa: F401
