from python_backend.tasks.visual_question_answering import Model as TritonPythonModel  # noqa: F401
