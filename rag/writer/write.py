"""A language model writes from numbered quotes; each sentence is verified as soon as it is complete.

The model is believed in nothing. A sentence that its quotes support is shown with them; one that only comes near to a
quote is replaced by the quote; any other is left out.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Literal

from index.errors import ContextTooSmall
from index.sentences import sentence_spans
from rag.reader.orders import is_order
from rag.tokens import count
from rag.types import Claim
from rag.writer import prompts
from rag.writer.llm import LLM, MAX_TOKENS, Message
from rag.writer.verify import Verdict, Verifier

MAX_SENTENCES = 12
"""Sentences of an answer that are judged, at most."""
MAX_SHOWN = 4
"""Sentences of an answer that are shown, at most; small models go on through everything they were given."""
LONGEST = 600
"""Characters of a sentence; what is longer is left out."""
_ATTEMPTS = 4
"""Times that fewer quotes are tried, where the model cannot read so many."""

_CITED = re.compile(r"\s*[\[(【]\s*(\d{1,2}(?:\s*[,;]\s*\d{1,2})*)\s*[\])】]")
_AFTER_STOP = re.compile(rf"([.!?]+[”\"’']?)((?:{_CITED.pattern})+)")
_DECORATION = re.compile(r"^(?:[-*•>#\s]+|\d{1,2}[.)]\s+|\[\d{1,2}\]\s*)+|\*\*|__|`")
_THOUGHT = re.compile(r"<think>.*?(?:</think>|$)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of the model's and what became of it; ``claim`` is what is shown in its place, if anything.

    ``seconds`` is how long it took to judge it.
    """

    text: str
    outcome: Literal["kept", "quoted", "dropped"]
    claim: Claim | None = None
    seconds: float = field(default=0.0, compare=False)


Ask = Callable[[str, Iterable[tuple[int, str]]], str]
"""Makes a prompt of a question and numbered quotes."""


class Writer:
    """Has a language model answer from quotes."""

    def __init__(self, llm: LLM, verifier: Verifier, context: int, ask: Ask = prompts.write_from) -> None:
        """``context`` is how many tokens the model can read and write together, ``ask`` what it is asked."""
        self.llm = llm
        self._ask = ask
        self._verifier = verifier
        self._budget = context - MAX_TOKENS

    def warm_up(self) -> None:
        """Have the model read its instructions, which otherwise the first question would wait for.

        Raises:
            ModelFailed: see `LLM.stream`.
        """
        with closing(self.llm.stream(self._messages("", []))) as pieces:
            next((piece for piece in pieces if piece), None)

    def write(self, question: str, offered: Sequence[Claim]) -> Generator[Sentence | None, None, None]:
        """Yield the model's sentences as they are judged; ``None`` while it is still writing one.

        ``offered`` are quotes, each as the claim that shows it; a sentence stands on these alone. Quotes that speak to
        a model rather than to a reader are kept from it. Closing the iterator stops the model.

        Raises:
            ModelFailed: see `LLM.stream`. What was yielded before holds.
        """
        usable = [claim for claim in offered if not _speaks_to_models(claim.quotes[0].text)]
        if not usable:
            return
        budget = self._budget
        for attempt in range(_ATTEMPTS):
            chosen = self._fitting(question, usable, budget)
            if not chosen:
                raise ContextTooSmall
            try:
                yield from self._judged(question, chosen)
            except ContextTooSmall as error:
                if attempt == _ATTEMPTS - 1:
                    raise
                share = (error.limit - MAX_TOKENS) / error.asked if error.limit and error.asked else 0.5
                budget = int(self._tokens(question, chosen) * min(0.8, max(0.2, share)))
                continue
            return

    def _judged(self, question: str, chosen: Sequence[Claim]) -> Generator[Sentence | None, None, None]:
        shown: set[str] = set()
        judged = kept = 0
        with closing(_sentences(self.llm.stream(self._messages(question, chosen)))) as sentences:
            for raw in sentences:
                if raw is None:
                    yield None
                    continue
                begun = time.perf_counter()
                verdict = self._judge(raw, question, chosen)
                sentence = replace(verdict, seconds=time.perf_counter() - begun)
                text = sentence.claim.text if sentence.claim else ""
                repeated = bool(text) and any(_plain(text) in said for said in shown)
                yield replace(sentence, outcome="dropped", claim=None) if repeated else sentence
                shown.add(_plain(text))
                judged += 1
                kept += bool(sentence.claim and not repeated)
                if judged == MAX_SENTENCES or kept == MAX_SHOWN:
                    return

    def _judge(self, raw: str, question: str, chosen: Sequence[Claim]) -> Sentence:
        numbers = {int(number) for cited in _CITED.findall(raw) for number in re.findall(r"\d+", cited)}
        text = " ".join(_CITED.sub("", raw).split())
        if len(text) > LONGEST:
            return Sentence(text, "dropped")
        cited = [claim for claim in chosen if claim.quotes[0].n in numbers]
        alone = [(self._verdict(text, [claim], question), claim) for claim in chosen]
        verdict, best = max(alone, key=lambda pair: _merit(pair[0], pair[1] in cited))
        grounds = [best]
        if not _holds(verdict) and 1 < len(cited) <= 3:
            verdict, grounds = self._verdict(text, cited, question), cited
        if _holds(verdict):
            quotes = tuple(claim.quotes[0] for claim in grounds)
            return Sentence(text, "kept", Claim(text, verdict.support, quotes))
        if any(each.support == "partial" for each, _ in alone):
            return Sentence(text, "quoted", best)
        return Sentence(text, "dropped")

    def _messages(self, question: str, chosen: Sequence[Claim]) -> list[Message]:
        quotes = [(claim.quotes[0].n, claim.quotes[0].text) for claim in chosen]
        return [Message("system", prompts.WRITE), Message("user", self._ask(question, quotes))]

    def _fitting(self, question: str, offered: Sequence[Claim], budget: int) -> list[Claim]:
        """Return as many of the quotes, from the first, as leave the whole prompt within ``budget`` tokens."""
        chosen: list[Claim] = []
        for claim in offered:
            if self._tokens(question, [*chosen, claim]) > budget:
                break
            chosen.append(claim)
        return chosen

    def _tokens(self, question: str, chosen: Sequence[Claim]) -> int:
        return sum(count(message.content) for message in self._messages(question, chosen))

    def _verdict(self, text: str, claims: Sequence[Claim], question: str) -> Verdict:
        return self._verifier.judge(text, [claim.quotes[0].text for claim in claims], question)


def _sentences(pieces: Generator[str, None, None]) -> Generator[str | None, None, None]:
    """Yield each sentence, with its citations, as soon as it is complete, and ``None`` while none is."""
    with closing(pieces):
        text = ""
        for piece in pieces:
            text = _THOUGHT.sub("", text + piece) if "</think>" in text + piece else text + piece
            if text.lstrip().startswith("<think>"):
                yield None
                continue
            complete, text = split(text)
            yield from complete
            if not complete:
                yield None
        yield from (each for each in split(_THOUGHT.sub("", text) + "\n")[0])


def split(text: str) -> tuple[list[str], str]:
    """Return the complete sentences at the start of a text, each with its citations, and the rest.

    A sentence is complete when another begins after it or its line ends. A citation after the full stop belongs to the
    sentence before.
    """
    *lines, rest = text.split("\n")
    complete = [sentence for line in lines for sentence in _of_line(line)]
    opened = _AFTER_STOP.sub(r"\2\1", rest)
    spans = list(sentence_spans(opened))
    if len(spans) > 1 and opened[spans[-1].start] not in "[(【":
        complete += _of_line(opened[: spans[-2].end])
        rest = opened[spans[-1].start :]
    return complete, rest


def _of_line(line: str) -> list[str]:
    bare = _AFTER_STOP.sub(r"\2\1", _DECORATION.sub("", line))
    found = [bare[span.start : span.end] for span in sentence_spans(bare)]
    return [sentence for sentence in found if any(map(str.isalpha, sentence))]


def _speaks_to_models(text: str) -> bool:
    return prompts.instructs(text) or is_order(text)


def _holds(verdict: Verdict) -> bool:
    return verdict.support in ("verbatim", "supported")


def _merit(verdict: Verdict, cited: bool) -> tuple[bool, bool, bool, float]:
    """Order quotes as grounds of a sentence: those that hold, then those that come near, the cited ones first."""
    return _holds(verdict), verdict.support == "partial", cited, verdict.probability


def _plain(text: str) -> str:
    return re.sub(r"\W+", " ", text).strip().casefold()
