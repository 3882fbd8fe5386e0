"""summarization.

    summarize = pipeline("summarization")
    summarize(article, min_length=5, max_length=20)      # [{'summary_text': 'An apple a day ...'}]
    summarize([article, other], truncation=True)         # a dict for each

From SummarizationPipeline; what it shares with others is in text2text_generation.py. Lengths that make little sense for
a summary come as a UserWarning, in the words of transformers.
"""

from __future__ import annotations

from .text2text_generation import TextToText


class Summarization(TextToText):
    name = "summarization"
    outputs = ("SUMMARY_TEXT", "WARNING")
    key = "summary_text"
