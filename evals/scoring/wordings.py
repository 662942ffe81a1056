"""What an answer says, as pure functions of its words. Each docstring states its formula.

Shares lie in 0..1.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from evals.scoring.text import contains, squad_tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rag.types import Answer, Claim

_EXPLANATION = re.compile(r"\[[^\]]*\]")
_CHECKABLE = re.compile(r"\d+(?:[.,]\d+)*|[A-ZÀ-ÖØ-Þ][\w-]*")


def answer_text(answer: Answer) -> str:
    """Return the words that an answer is judged by: its claims and its short answer, one a line."""
    return "\n".join([*(claim.text for claim in answer.claims), answer.short_answer or ""])


def short_text(answer: Answer) -> str:
    """Return the answer at its shortest: the short answer or, where there is none, its claims."""
    return answer.short_answer or " ".join(claim.text for claim in answer.claims)


def exact_match(wordings: Iterable[str], text: str) -> float:
    """Return 1 if ``text`` is one of the wordings, character for character but for space around it, else 0."""
    return float(text.strip() in {wording.strip() for wording in wordings})


def normalised_match(wordings: Iterable[str], text: str) -> float:
    """Return 1 if ``text`` is one of the wordings after SQuAD's normalisation (`text.squad_tokens`), else 0."""
    return float(squad_tokens(text) in [squad_tokens(wording) for wording in wordings])


def token_f1(wordings: Iterable[str], text: str) -> float:
    """Return ``max over wordings of 2pr / (p + r)``, SQuAD's F1 (Rajpurkar et al. 2016).

    p and r are the shares of the tokens of ``text`` and of the wording that both have, repeated tokens counted as
    often as both have them.
    """
    said = Counter(squad_tokens(text))
    return max((_f1(said, Counter(squad_tokens(wording))) for wording in wordings), default=0.0)


def _f1(said: Counter[str], wanted: Counter[str]) -> float:
    if not said or not wanted:
        return float(said == wanted)
    return 2 * (said & wanted).total() / (said.total() + wanted.total())


def forbidden_found(forbidden: Iterable[str], text: str) -> list[str]:
    """Return the forbidden wordings that occur in ``text``."""
    return [wording for wording in forbidden if contains(text, wording)]


def grounded_claims(claims: Sequence[Claim]) -> int:
    """Count the claims whose every number and name stands in their quotes. claim_grounding is their share.

    Nothing that citechat's own verifier says enters into this, so it holds the verifier to account. Explanations in
    square brackets are citechat's own words and no part of a claim.
    """
    return sum(
        all(contains(" ".join(quote.text for quote in claim.quotes), word) for word in _checkable(claim.text))
        for claim in claims
    )


def _checkable(text: str) -> list[str]:
    """Return the numbers of a text and its words with a capital, but for the one that opens it."""
    plain = _EXPLANATION.sub(" ", text)
    opening = _CHECKABLE.match(plain.lstrip("\"'“”‘’«» "))
    return [word for word in _CHECKABLE.findall(plain) if opening is None or word != opening[0] or word[0].isdigit()]
