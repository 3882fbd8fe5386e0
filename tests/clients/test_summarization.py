"""summarization; what it shares with others is in test_text2text_generation.py."""

from tests.clients.fake import fake, sent, text
from triton_pipelines.transport import Request, Tensors


def test_a_summary() -> None:
    def answer(request: Request) -> Tensors:
        return {"SUMMARY_TEXT": text(["An apple"]), "WARNING": text([""])}

    summarize, transport = fake("summarization", answer)
    assert summarize("An apple a day", min_length=5, max_length=20) == [{"summary_text": "An apple"}]
    assert transport.request.model == "summarization"
    assert sent(transport.request, "TEXT") == [["An apple a day"]]
    assert transport.request.parameters == {"min_length": 5, "max_length": 20}
