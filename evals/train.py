"""Train the cross-encoder of `rag.reader.cross_encoder` on questions with known answers.

    python -m evals.train --data DIR [--epochs E] [--start F] [--rate R] [--mean] [--out DIR]

It learns from the public sets ``squad``, ``squad2``, ``nq``, ``qed``, ``clapnq`` and ``hotpot``, and from some of the
questions of SQuAD in Spanish and German (``squad-es``, ``xquad``), which of all sentences of a question's passages and
of similar ones answer it, if any does. A fifth of the articles, by a hash of their titles, is kept out, whichever the
language, and the figures printed are of those. Each step also trains a head that finds the words of the short answer;
it sharpens the states and is thrown away in the end.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import random
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from evals.cases.format import Case
from evals.datasets import Collection, kept_out, load
from evals.scoring.metrics import auc
from evals.scoring.text import contains
from index.embedder import SentenceTransformerEmbedder
from index.errors import CitechatError
from index.passages import split_document
from index.readers import read
from index.sentence_model import native_dtype
from index.types import Passage
from rag.models import locate
from rag.reader import cross_encoder
from rag.reader.layers import WIDTH, Layers
from rag.reader.pages import Base, Batch, Page, join
from rag.settings import Settings

WEIGHTS = Path(cross_encoder.__file__).with_name("weights")
SETS = ("squad", "squad2", "nq", "qed", "clapnq", "hotpot", "squad-es", "xquad")
TRANSLATED = 2
"""Of the Spanish questions every second is learned from: they are those of SQuAD, which counts enough."""
LEFT_OUT = ("xquad-en", "xquad-es", "xquad-ar", "xquad-zh")
"""Of XQuAD what the other sets have already, and languages whose script MiniLM's tokenizer hardly knows."""
QUESTIONS = 24
"""Questions of a step."""
RATE = 2e-4
WARM_UP = 0.06
"""The greatest learning rate, and the share of the steps over which it is reached; then it falls to nought."""
LOWER_RATE = 0.8
"""The learning rate of a layer, as a share of that of the layer above."""
DECAY = 0.01
DROPOUT = 0.1
OWN_PAGES, SIMILAR_PAGES = 4, 4
"""Passages of the question's own text that are read at most, and similar ones that are known."""
PAGES = 3
"""Passages that a question is asked of in a step: to its own, similar ones are added, so many or one."""
SPARED = 0.25
"""How often that one is left out."""
SPAN_SHARE = 0.25
"""Weight of the short answer's loss."""

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
            for collection in tqdm(load(name, data), desc=name, unit="collection", disable=None):
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


def train(
    layers: Layers,
    exercises: Sequence[Exercise],
    pages: Sequence[Page],
    epochs: float,
    rate: float = RATE,
    seed: int = 0,
) -> None:
    """Train the layers in place; ``rate`` is the greatest learning rate."""
    chance = random.Random(seed)  # noqa: S311  # not for secrets
    torch.manual_seed(seed)
    ends = nn.Linear(WIDTH, 2)
    parameters = [*layers.parameters(), *ends.parameters()]
    optimiser = torch.optim.AdamW(_parameter_groups(layers, ends, rate), lr=rate)
    steps = max(1, math.ceil(len(exercises) / QUESTIONS * epochs))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min(step / (WARM_UP * steps), 1 - step / steps)
    )

    def choose(exercise: Exercise) -> list[int]:
        count = min(len(exercise.similar), max(1, PAGES - len(exercise.own)))
        if count == 1 and chance.random() < SPARED:
            count = 0
        return [*exercise.own, *chance.sample(exercise.similar, count)]

    dtype = native_dtype()
    layers.train()
    with tqdm(total=steps, desc="train", unit="step", disable=None) as bar:
        for drawn in islice(_draws(exercises, pages, chance), steps):
            taken = lesson(drawn, pages, choose)
            states = functional.dropout(taken.batch.states.float(), DROPOUT)
            with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
                states = layers(states, taken.batch.segments, taken.batch.present, DROPOUT)
            states = states.float()
            right = taken.loss(_odds(layers, states, taken.batch))
            loss = right + SPAN_SHARE * taken.span_loss(ends(states))
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimiser.step()
            schedule.step()
            bar.set_postfix(loss=f"{right.item():.3f}", refresh=False)
            bar.update()
    layers.eval()


def _parameter_groups(layers: Layers, ends: nn.Linear, rate: float) -> Iterator[dict[str, Any]]:
    """Yield the parameters with their learning rates: the lower a layer, the less it is changed."""
    rates = [(layer.parameters(), LOWER_RATE**below) for below, layer in enumerate(reversed(layers.layers))]
    heads = [layers.likeness, layers.verdict, ends]
    rates.append(((each for head in heads for each in head.parameters()), 1.0))
    rates.append(((each for each in [layers.segments]), LOWER_RATE ** len(layers.layers)))
    for parameters, share in rates:
        found = list(parameters)
        yield {"params": [each for each in found if each.ndim > 1], "weight_decay": DECAY, "lr": rate * share}
        yield {"params": [each for each in found if each.ndim == 1], "weight_decay": 0.0, "lr": rate * share}


def _odds(layers: Layers, states: Tensor, batch: Batch) -> Tensor:
    return layers.log_odds(states, batch.segments, batch.present, batch.sentences)


def _draws(exercises: Sequence[Exercise], pages: Sequence[Page], chance: random.Random) -> Iterator[Sequence[Exercise]]:
    """Yield the exercises again and again, those with about as much to read together."""
    while True:
        sizes = [sum(len(pages[page].states) for page in each.own) + 60 * chance.random() for each in exercises]
        order = sorted(range(len(exercises)), key=sizes.__getitem__)
        draws = [order[start : start + QUESTIONS] for start in range(0, len(order), QUESTIONS)]
        chance.shuffle(draws)
        yield from ([exercises[number] for number in draw] for draw in draws)


def report(layers: Layers, exercises: Sequence[Exercise], pages: Sequence[Page]) -> str:
    """Return figures by set.

    How often the best sentence answers, among those of the question's own text and among similar ones too; and the
    area under the ROC curve of the own text's best score, answerable against unanswerable questions.
    """
    right: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    best: dict[tuple[str, bool], list[float]] = defaultdict(list)
    for exercise in tqdm(exercises, desc="measure", unit="question", disable=None):
        taken = lesson([exercise], pages, lambda each: [*each.own, *each.similar[:2]])
        with torch.inference_mode():
            states = layers(taken.batch.states.float(), taken.batch.segments, taken.batch.present)
            scores = _odds(layers, states, taken.batch).tolist()
        ranked = [(score, sentence) for score, (_, sentence) in zip(scores, taken.places, strict=True)]
        own = [(score, sentence) for score, sentence in ranked if sentence[0] in exercise.own]
        answering = {sentence for group in exercise.groups for sentence in group}
        best[exercise.kind, bool(answering)].append(max(own)[0])
        if answering:
            right[exercise.kind].append((max(own)[1] in answering, max(ranked)[1] in answering))
    lines = []
    for kind, found in right.items():
        first, anywhere = np.mean(found, 0)
        lines.append(f"{kind:8} right sentence {first:.3f}, among similar ones {anywhere:.3f}, n={len(found)}")
        area = auc(best[kind, True], best[kind, False])
        if area is not None:
            lines.append(f"{kind:8} answerable or not: AUC {area:.3f}, n={len(best[kind, False])} unanswerable")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train the layers, write them and print the figures; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m evals.train", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the public question sets")
    parser.add_argument("--epochs", type=float, default=2, metavar="E", help="passes over all questions (default 2)")
    parser.add_argument("--start", type=Path, metavar="F", help="go on from these layers, not from MiniLM's")
    parser.add_argument("--rate", type=float, default=RATE, metavar="R", help=f"learning rate (default {RATE})")
    parser.add_argument("--mean", action="store_true", help="write the mean of the layers before and after")
    parser.add_argument("--out", type=Path, default=WEIGHTS, metavar="DIR", help="write the layers there")
    options = parser.parse_args(arguments)
    try:
        school = School(options.data)
    except CitechatError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    layers = Layers()
    if options.start:
        layers.load_state_dict(load_file(options.start))
    else:
        layers.start_from(load_file(locate(Settings().embedder) / "model.safetensors"))
    before = {name: weight.clone() for name, weight in layers.state_dict().items()}
    learned = [each for each in school.exercises if not each.kept_out]
    train(layers, learned, school.pages, options.epochs, options.rate)
    if options.mean:  # of two that share a beginning it is often better than either: Wortsman et al., arXiv 2109.01903
        layers.load_state_dict({name: (before[name] + weight) / 2 for name, weight in layers.state_dict().items()})
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / cross_encoder.FILE
    save_file({name: weight.half().contiguous() for name, weight in layers.state_dict().items()}, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    figures = report(layers, [each for each in school.exercises if each.kept_out], school.pages)
    sys.stdout.write(f"{figures}\n{path.name}: SHA-256 {digest}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
