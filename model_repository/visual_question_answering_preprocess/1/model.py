from python_backend.tasks.visual_question_answering import Preprocess as TritonPythonModel  # noqa: F401
