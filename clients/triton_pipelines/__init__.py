"""The pipelines of Hugging Face transformers, answered by Triton Inference Server.

    from triton_pipelines import pipeline

    classify = pipeline("text-classification", url="localhost:8001")
    classify("I love it", top_k=2)      # [{'label': 'POSITIVE', 'score': 0.99}, {'label': 'NEGATIVE', 'score': 0.01}]

Arguments and results are those of transformers 4.48; `tasks/` says where one differs.
"""

from .async_pipelines import AsyncPipeline
from .errors import (
    DeadlineExceeded,
    InvalidInput,
    NotFound,
    ServerError,
    TritonPipelinesError,
    Unavailable,
    Unreachable,
    Unsupported,
)
from .factory import async_pipeline, pipeline
from .pipelines import Pipeline
from .sounds import save_wav

__all__ = [
    "AsyncPipeline",
    "DeadlineExceeded",
    "InvalidInput",
    "NotFound",
    "Pipeline",
    "ServerError",
    "TritonPipelinesError",
    "Unavailable",
    "Unreachable",
    "Unsupported",
    "async_pipeline",
    "pipeline",
    "save_wav",
]
