from python_backend.tasks.document_question_answering import Model as TritonPythonModel  # noqa: F401
