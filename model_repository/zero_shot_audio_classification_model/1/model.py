from python_backend.tasks.zero_shot_audio_classification import Model as TritonPythonModel  # noqa: F401
