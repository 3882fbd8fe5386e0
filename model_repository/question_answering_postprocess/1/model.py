from python_backend.tasks.question_answering import Postprocess as TritonPythonModel  # noqa: F401
