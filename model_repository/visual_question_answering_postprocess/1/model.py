from python_backend.tasks.visual_question_answering import Postprocess as TritonPythonModel  # noqa: F401
