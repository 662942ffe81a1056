"""Train the cross-encoder of `rag.reader.cross_encoder` on questions with known answers.

    python -m evals.train --data DIR [--sets NAME ...] [--epochs E] [--start F] [--rate R] [--mean] [--out DIR]

It learns from the public sets ``squad``, ``squad2``, ``nq``, ``qed``, ``clapnq`` and ``hotpot``, from some of the
questions of SQuAD in Spanish and German (``squad-es``, ``xquad``), from documents of ours (``own``) and from questions
of most of these that were altered so that nothing answers them (``altered``), or from those named, which of all
sentences of a question's passages and of similar ones answer it, if any does. A fifth of the articles, by a hash of
their titles, is kept out, whichever the language, and the figures printed are of those. Each step also trains a head
that finds the words of the short answer; it sharpens the states and is thrown away in the end.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import random
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from evals.datasets import DATASETS
from evals.exercises import ALTERED, SETS, Exercise, School, lesson
from evals.scoring.metrics import auc
from index.errors import CitechatError
from index.sentence_model import native_dtype
from rag.models import locate
from rag.reader import cross_encoder
from rag.reader.layers import WIDTH, Layers
from rag.reader.pages import Batch, Page
from rag.settings import Settings

WEIGHTS = Path(cross_encoder.__file__).with_name("weights")
OFTEN = {"own": 4, "altered": 2}
"""How often a pass draws a question of a set: ours are few, but of the kind of text that people ask about."""
QUESTIONS = 24
"""Questions of a step."""
PARTS = 4
"""Parts in which the pages of a step are read."""
RATE = 2e-4
WARM_UP = 0.06
"""The greatest learning rate, and the share of the steps over which it is reached; then it falls to nought."""
LOWER_RATE = 0.8
"""The learning rate of a layer, as a share of that of the layer above."""
DECAY = 0.01
DROPOUT = 0.1
PAGES = 3
"""Passages that a question is asked of in a step: to its own, similar ones are added, so many or one."""
SPARED = 0.25
"""How often that one is left out."""
SPAN_SHARE = 0.25
"""Weight of the short answer's loss."""


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
                states = _joint(layers, states, taken.batch)
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


def _joint(layers: Layers, states: Tensor, batch: Batch) -> Tensor:
    """Return the joint states of all rows, read in parts of about one length: padding costs as much as words do."""
    lengths = batch.present.sum(1)
    order = lengths.argsort()
    parts = []
    for rows in order.chunk(PARTS):
        longest = int(lengths[rows].max())
        inputs = (each[rows, :longest] for each in (states, batch.segments, batch.present))
        parts.append(functional.pad(layers(*inputs, DROPOUT), (0, 0, 0, states.shape[1] - longest)))
    return torch.cat(parts)[order.argsort()]


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
    parser.add_argument(
        "--sets", nargs="+", default=SETS, choices=[*DATASETS, ALTERED], metavar="NAME", help="what to learn from"
    )
    parser.add_argument(
        "--epochs", type=float, default=2, metavar="E", help="passes over all questions (default 2; 0: only measure)"
    )
    parser.add_argument("--start", type=Path, metavar="F", help="go on from these layers, not from MiniLM's")
    parser.add_argument("--rate", type=float, default=RATE, metavar="R", help=f"learning rate (default {RATE})")
    parser.add_argument("--mean", action="store_true", help="write the mean of the layers before and after")
    parser.add_argument("--out", type=Path, default=WEIGHTS, metavar="DIR", help="write the layers there")
    options = parser.parse_args(arguments)
    try:
        school = School(options.data, options.sets)
    except CitechatError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    layers = Layers()
    if options.start:
        layers.load_state_dict(load_file(options.start))
    else:
        layers.start_from(load_file(locate(Settings().embedder) / "model.safetensors"))
    before = {name: weight.clone() for name, weight in layers.state_dict().items()}
    learned = [each for each in school.exercises if not each.kept_out for _ in range(OFTEN.get(each.kind, 1))]
    if options.epochs:
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
