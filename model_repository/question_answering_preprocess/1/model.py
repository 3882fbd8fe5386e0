from python_backend.tasks.question_answering import Preprocess as TritonPythonModel  # noqa: F401
