"""Texts that several tasks are asked about."""

from tests.cases import ROOT

PARAGRAPHS = (ROOT / "tests" / "data" / "page.txt").read_text(encoding="utf-8").strip().split("\n\n")
GETTYSBURG, LINCOLN, RABBIT, BENNET = PARAGRAPHS[0], PARAGRAPHS[3], PARAGRAPHS[6], PARAGRAPHS[9]
SHORT = "Alice met Mr. Bennet in Gettysburg, Pennsylvania."
# Accents, composed and decomposed, a curly quote, symbols outside the vocabulary, an emoji of three code points, a tab.
UNICODE = "Élodie\u2019s cafe\u0301 in Zürich — 東京 — serves naïve\tcrème brûlée 👩\u200d🚀 for 5 €."
# More tokens than any made checkpoint takes at once.
LONG = "\n".join(PARAGRAPHS[3:7])
SPACES = "  Call   me Ishmael .  "
BATCH = [SHORT, "Call me Ishmael.", GETTYSBURG, "Oh dear! Oh dear! I shall be late!", UNICODE]
