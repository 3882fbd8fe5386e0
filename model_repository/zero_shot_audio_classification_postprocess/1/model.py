from python_backend.tasks.zero_shot_audio_classification import Postprocess as TritonPythonModel  # noqa: F401
