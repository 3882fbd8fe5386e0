"""perf_analyzer runs against each task, with the input file that the tree keeps for it."""

import pytest

from perf_analyzer import measure
from tests.conftest import TASKS, Servers

PARAMETERS = {
    "translation": ("--request-parameter", "src_lang:en:string", "--request-parameter", "tgt_lang:fr:string"),
}


@pytest.mark.parametrize("task", TASKS)
def test_perf_analyzer_runs_against_the_task(served: Servers, task: str) -> None:
    name = served.names(task)[0]
    options = ("--request-count", "20", *PARAMETERS.get(task, ()))
    measured = measure(task, served(name).grpc_url, name, concurrency=4, options=options)
    assert measured.requests_per_second > 0
    assert 0 < measured.p50 <= measured.p99
