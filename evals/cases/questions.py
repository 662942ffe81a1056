"""Questions that a language model writes for sentences: more, and less clumsy, than by shape alone (`phrasing`).

What it writes is believed no further than it can be checked: the answer must be words of the sentence, and the question
may not give them away. `draft` then asks the question, and drops it unless the very sentence is quoted.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from evals.scoring.text import contains
from index.errors import ModelFailed
from rag.suggest.asking import Asking
from rag.suggest.phrasing import questions_of
from rag.writer.llm import Message
from rag.writer.prompts import ASK_ABOUT, fenced, instructs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rag.writer.llm import LLM

MIN_WORDS, MAX_WORDS = 5, 60
"""Words of a sentence that a model is asked about."""
MAX_QUESTION = 200
_MAX_REPLY = 600
_REPLY = re.compile(r"\s*question:\s*(?P<question>[^\n]+\?)\s*\n\s*answer:\s*(?P<answer>[^\n]+)", re.I)


class Questioner:
    """Proposes questions as `phrasing.questions_of` does, the model's before those by the shape of the sentence."""

    def __init__(self, llm: LLM, requests: int) -> None:
        """Take the model, which is sent at most so many ``requests``; nothing is sent yet."""
        self._llm = llm
        self._left = requests
        self._answered = False

    def __call__(self, sentence: str, known: frozenset[str] | None = None) -> Iterator[Asking]:
        """Yield questions that a sentence answers.

        Raises:
            ModelFailed: the model has not given a single reply. Later failures leave the rest to the rules.
        """
        sentence = " ".join(sentence.split())
        whole = sentence.rstrip("\"'”’»)").endswith((".", "!")) and MIN_WORDS <= len(sentence.split()) <= MAX_WORDS
        if whole and self._left > 0 and not instructs(sentence):
            self._left -= 1
            asking = self._written(sentence)
            if asking is not None:
                yield asking
        yield from questions_of(sentence, known)

    def _written(self, sentence: str) -> Asking | None:
        try:
            reply = self._reply(sentence)
        except ModelFailed:
            if not self._answered:
                raise
            return None
        self._answered = True
        return read_question(reply, sentence)

    def _reply(self, sentence: str) -> str:
        asked = f"<sentence>{fenced(sentence)}</sentence>"
        pieces = self._llm.stream([Message("system", ASK_ABOUT), Message("user", asked)])
        reply = ""
        try:
            for piece in pieces:
                reply += piece
                if len(reply) > _MAX_REPLY or ((found := _REPLY.match(reply)) and found.end() < len(reply)):
                    break
        finally:
            pieces.close()
        return reply


def read_question(reply: str, sentence: str) -> Asking | None:
    """Return the question of a model's reply, unless its answer is not in the sentence, all of it, or given away."""
    found = _REPLY.match(reply)
    if found is None or len(found["question"]) > MAX_QUESTION:
        return None
    answer = found["answer"].strip().strip("\"“”'.")
    if not contains(sentence, answer) or contains(answer, sentence.rstrip(".!")) or contains(found["question"], answer):
        return None
    return Asking(found["question"].strip(), wording=answer)
