"""What the cross-encoder learns from: questions, the pages they are asked of, and the sentences that answer.

`evals.train` trains on them. A page is a passage whose tokens are embedded already; see `rag.reader.pages`.
"""

from __future__ import annotations

import random
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from evals.altered import altered
from evals.cases.format import Case
from evals.datasets import Collection, kept_out, load
from evals.scoring.text import contains
from index.embedder import SentenceTransformerEmbedder
from index.passages import split_document
from index.readers import read
from index.types import Passage
from rag.models import locate
from rag.reader.pages import Base, Batch, Page, join
from rag.settings import Settings

ALTERED = "altered"
"""The set of altered questions; those of ``TO_ALTER`` are."""
TO_ALTER = ("squad", "squad2", "nq", "qed", "clapnq", "own")
SETS = ("squad", "squad2", "nq", "qed", "clapnq", "hotpot", "squad-es", "xquad", "own", ALTERED)
TRANSLATED = 2
"""Of the Spanish questions every second is learned from: they are those of SQuAD, which counts enough."""
LEFT_OUT = ("xquad-en", "xquad-es", "xquad-ar", "xquad-zh")
"""Of XQuAD what the other sets have already, and languages whose script MiniLM's tokenizer hardly knows."""
OWN_PAGES, SIMILAR_PAGES = 4, 4
"""Passages of the question's own text that are read at most, and similar ones that are known."""

Sentence = tuple[int, int]
"""A page's number and the sentence's in it."""


@dataclass(frozen=True, slots=True)
class Exercise:
    """A question as it is learned from.

    ``own`` and ``similar`` are numbers of pages. A right answer has a sentence of each of ``groups``; there are none if
    the pages do not answer. ``spans`` are pages with the first and last token of a short answer.
    """

    kind: str
    article: str
    question: Tensor
    own: tuple[int, ...]
    similar: tuple[int, ...]
    groups: tuple[tuple[Sentence, ...], ...]
    spans: tuple[tuple[int, int, int], ...]

    @property
    def kept_out(self) -> bool:
        """Whether it is for measuring only."""
        return kept_out(self.article)


class School:
    """All exercises, and the pages they are about."""

    def __init__(self, data: Path, sets: Sequence[str] = SETS) -> None:
        """Read these sets, the public ones below ``data``."""
        folder = locate(Settings().embedder)
        self._embedder = SentenceTransformerEmbedder(folder)
        self._base = Base(folder)
        self._seen: set[tuple[str, str]] = set()
        self.pages: list[Page] = []
        self.exercises: list[Exercise] = []
        for name in sets:
            for collection in tqdm(_collections(name, data), desc=name, unit="collection", disable=None):
                if collection.name not in LEFT_OUT:
                    self._take(_thinned(collection) if name == "squad-es" else collection)

    def _take(self, collection: Collection) -> None:
        passages = list(self._split(collection.documents))
        numbers = {id(passage): len(self.pages) + place for place, (_, passage) in enumerate(passages)}
        self.pages += [_halved(page) for page in self._base.pages([passage for _, passage in passages])]
        vectors = np.array([each.passage for each in self._embedder.embed_passages([each for _, each in passages])])
        states = self._base.questions([case.question for case in collection.cases])
        for case, state in zip(collection.cases, states, strict=True):
            article = collection.article(case)
            if (article, case.question) in self._seen:
                continue
            self._seen.add((article, case.question))
            likeness = vectors @ self._embedder.embed_query(case.question)
            ranked = [passages[place] for place in np.argsort(-likeness)]
            sources = {each.source for each in case.evidence} or {collection.asked_of[case.id]}
            own = [passage for source, passage in ranked if source in sources][:OWN_PAGES]
            others = (passage for source, passage in ranked if source not in sources)
            similar = islice((passage for passage in others if not _answers(case, passage.text)), SIMILAR_PAGES)
            groups = tuple(filter(None, _groups(case, own, numbers)))
            if groups or case.unanswerable:
                kind = _kind(collection.name)
                self.exercises.append(
                    Exercise(
                        kind=kind,
                        article=article,
                        question=state.half(),
                        own=tuple(numbers[id(passage)] for passage in own),
                        similar=tuple(numbers[id(passage)] for passage in similar),
                        groups=groups,
                        spans=tuple(self._spans(case, own, numbers, groups)),
                    )
                )

    def _split(self, documents: Mapping[str, str]) -> Iterator[tuple[str, Passage]]:
        with tempfile.TemporaryDirectory() as folder:
            for source, text in documents.items():
                path = Path(folder) / source
                path.write_text(text, encoding="utf-8")
                budget = Settings().passage_tokens
                for passage in split_document(read(path, source), self._embedder.count_tokens, budget):
                    yield source, passage

    def _spans(
        self,
        case: Case,
        own: Sequence[Passage],
        numbers: Mapping[int, int],
        groups: Sequence[Sequence[Sentence]],
    ) -> Iterator[tuple[int, int, int]]:
        answering = {sentence for group in groups for sentence in group}
        for passage in own:
            number = numbers[id(passage)]
            for place, span in enumerate(passage.sentences):
                text = passage.text[: span.end - passage.start]
                for wording in (wording for group in case.answer for wording in group):
                    start = text.find(wording, span.start - passage.start)
                    if (number, place) in answering and start >= 0:
                        inside = _inside(self.pages[number], start, start + len(wording))
                        if inside:
                            yield number, inside[0], inside[-1]


def _collections(name: str, data: Path) -> Iterator[Collection]:
    if name != ALTERED:
        yield from load(name, data)
        return
    chance = random.Random(5)  # noqa: S311  # not for secrets
    for other in TO_ALTER:
        yield from (altered(collection, chance) for collection in load(other, data))


def _thinned(collection: Collection) -> Collection:
    return replace(collection, cases=collection.cases[::TRANSLATED])


def _kind(name: str) -> str:
    """Return what figures are printed for: the set that a collection is of, XQuAD by language."""
    if name.startswith(("squad-es", "xquad")):
        return "-".join(name.split("-")[:2])
    return name.partition("-")[0].removesuffix("2")


def _halved(page: Page) -> Page:
    return Page(page.states.half(), page.sentences, page.tokens)


def _answers(case: Case, text: str) -> bool:
    return any(contains(text, wording) for group in case.answer for wording in group)


def _groups(case: Case, own: Sequence[Passage], numbers: Mapping[int, int]) -> Iterator[tuple[Sentence, ...]]:
    """Yield the sentences that hold each quote of the evidence; without quotes, those that hold the answer."""
    quotes = [(each.quote,) for each in case.evidence if each.quote]
    for wordings in quotes or case.answer:
        yield tuple(
            (numbers[id(passage)], place)
            for passage in own
            for place, span in enumerate(passage.sentences)
            if any(
                contains(passage.text[span.start - passage.start : span.end - passage.start], wording)
                for wording in wordings
            )
        )


def _inside(page: Page, start: int, end: int) -> list[int]:
    return [place for place, (first, last) in enumerate(page.tokens) if first < last and start <= first and last <= end]


@dataclass(frozen=True, slots=True)
class Lesson:
    """Exercises of one step, joined with the pages they are asked of; ``rows`` are (exercise, page) by row."""

    exercises: Sequence[Exercise]
    rows: Sequence[tuple[int, int]]
    batch: Batch

    @property
    def places(self) -> list[tuple[int, Sentence]]:
        """The exercise and the sentence of each score."""
        counts = torch.bincount(self.batch.sentences[:, 0], minlength=len(self.rows)).tolist()
        return [
            (number, (page, place))
            for (number, page), count in zip(self.rows, counts, strict=True)
            for place in range(count)
        ]

    def loss(self, scores: Tensor) -> Tensor:
        """Return the mean surprise at each answering sentence, or at nothing answering, over all pages read."""
        rows: dict[int, dict[Sentence, int]] = defaultdict(dict)
        for row, (number, sentence) in enumerate(self.places):
            rows[number][sentence] = row
        surprises = []
        for number, exercise in enumerate(self.exercises):
            total = torch.logsumexp(functional.pad(scores[list(rows[number].values())], (1, 0)), 0)
            groups = [[rows[number][sentence] for sentence in group] for group in exercise.groups]
            right = [torch.logsumexp(scores[group], 0) for group in groups]
            surprises.append(total - torch.stack(right).mean() if right else total)
        return torch.stack(surprises).mean()

    def span_loss(self, ends: Tensor) -> Tensor:
        """Return the mean surprise at the first and last token of the short answers, pages without one left out."""
        surprises = []
        for row, (number, page) in enumerate(self.rows):
            exercise = self.exercises[number]
            spans = [(first, last) for where, first, last in exercise.spans if where == page]
            own = ends[row][self.batch.segments[row] == 1]
            for side in (0, 1) if spans else ():
                right = sorted({span[side] for span in spans})
                surprises.append(torch.logsumexp(own[:, side], 0) - torch.logsumexp(own[right, side], 0))
        return torch.stack(surprises).mean() if surprises else ends.sum() * 0


def lesson(exercises: Sequence[Exercise], pages: Sequence[Page], choose: Callable[[Exercise], Sequence[int]]) -> Lesson:
    """Join exercises with the pages that ``choose`` names for each."""
    rows = [(number, page) for number, exercise in enumerate(exercises) for page in choose(exercise)]
    return Lesson(exercises, rows, join([(exercises[number].question, pages[page]) for number, page in rows]))
