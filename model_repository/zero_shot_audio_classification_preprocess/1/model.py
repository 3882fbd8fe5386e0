from python_backend.tasks.zero_shot_audio_classification import Preprocess as TritonPythonModel  # noqa: F401
