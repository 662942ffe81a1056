"""Fit the reader, its second reading and the gate to questions with known answers. What comes out is ``rag/*.json``.

    python -m evals.fit reader --data DIR [--limit N] [--home DIR]
    python -m evals.fit rerank --data DIR [--limit N] [--home DIR]
    python -m evals.fit gate --data DIR [--limit N] [--home DIR] [--keep]

All learn from the public sets ``squad2``, ``nq`` and ``clapnq`` and from the suites over ``seeds/``. The reader learns
which of all sentences that retrieval brings answers; the second reading, how much the cross-encoder counts in that;
the gate tells answerable questions from unanswerable ones, among them the questions of one set asked of another set's
documents. The latter two use only articles that the cross-encoder was not trained on: it knows the answers of the
others. With ``--keep`` the gate's weights stay, and only its threshold and curve are found anew: for new layers of the
cross-encoder. Half of the questions, by a hash of what they share (article, suite and document), is kept out, and the
figures printed are of that half. The reader comes first and the gate last, for each builds on the one before.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from evals.calibrate import Calibration, fit, redraw
from evals.cases.format import Case, Suite, load_cases
from evals.datasets import Collection, joined, load
from evals.running.homes import SuitePipeline, SuitePipelines
from evals.scoring.text import contains
from index.errors import CitechatError
from index.filters import parse_filter
from rag.query.rewrite import standalone
from rag.reader import gate, read, rerank
from rag.reader.linear import LinearModel
from rag.reader.reading import Reading
from rag.settings import load_settings

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]

PUBLIC = ("squad2", "nq", "clapnq")
OWN = ("dossier", "handbook", "manual", "unanswerable")
SUITES = Path(__file__).with_name("suite") / "hard"
RARE = 6
"""How often a case of our own suites counts: they are few, but of the kind of text that people ask about."""


SIGNED = ("brevity",)
"""Features whose weight may be negative. More likeness and more coverage must never count against a sentence, although
an unconstrained fit of such correlated features would let it."""
OFTEN = 20
"""The same for the gate: near-misses written for a paragraph are not what people ask of a folder."""
FALSE_ANSWERS = 0.306
"""Share of the near-misses fitted on that may be answered; the threshold is the lowest that keeps it."""
RULES = {"phrases": 3.0, "years_covered": 3.0, "whole": 2.5}
"""Least weight of what is too rare in the sets to be learned but is plain to a reader: a sentence that lacks the words
quoted in the question, or the year it names, is not what was asked for (odds of 1 to 20), and a heading hardly is."""


@dataclass(frozen=True, slots=True)
class Example:
    """A question as it was read.

    Features of its sentences ``(n, d)``, the cross-encoder's log-odds ``(n,)`` (0 where it did not read), which of the
    sentences answer, and the gate's features.

    ``group`` names what it shares with other questions, ``kind`` where it is from.
    """

    kind: str
    group: str
    answerable: bool
    sentences: Floats
    log_odds: Floats
    answering: Booleans
    gate: Floats

    @property
    def held_out(self) -> bool:
        """Whether it is kept for measuring."""
        return hashlib.sha256(self.group.encode()).digest()[0] % 2 == 1


def examples(data: Path, home: Path, limit: int, *, unlearned: bool) -> list[Example]:
    """Read the questions of all sets, ``limit`` of each at most; with ``unlearned``, see `evals.datasets.load`."""
    found: list[Example] = []
    public = [_merged(name, data, limit, unlearned=unlearned) for name in PUBLIC]
    suites = [collection.write(home / "documents") for collection in public]
    articles = {case.id: collection.article(case) for collection in public for case in collection.cases}
    own = [load_cases(SUITES / f"{name}.yaml") for name in OWN]
    with SuitePipelines(load_settings(home)) as pipeline_for:
        for suite in (*suites, *own):
            found.extend(_read(suite, suite.cases, pipeline_for, suite.path.stem, articles))
        for suite, other in ((suites[0], suites[1]), (suites[1], suites[0]), (suites[0], suites[2])):
            strangers = [case for case in other.cases if not case.unanswerable][: limit // 4]
            kind = f"{other.path.stem} asked of {suite.path.stem}"
            found.extend(_read(suite, strangers, pipeline_for, kind, articles, own=False))
    return found


def _merged(name: str, data: Path, limit: int, *, unlearned: bool) -> Collection:
    """Return all collections of a set as one, with all documents of the set."""
    chosen = {case.id for each in load(name, data, limit, unlearned=unlearned) for case in each.cases}
    whole = joined(name, load(name, data))
    return replace(whole, cases=tuple(case for case in whole.cases if case.id in chosen))


def _read(
    suite: Suite,
    cases: Sequence[Case],
    pipeline_for: Callable[[Suite], SuitePipeline],
    kind: str,
    articles: Mapping[str, str],
    *,
    own: bool = True,
) -> Iterator[Example]:
    pipeline = pipeline_for(suite)
    sources = {info.id: info.sources for info in pipeline.corpus.documents()}
    for case in tqdm(cases, desc=kind, unit="question", disable=None):
        question = standalone(case.question, case.history)
        readings = pipeline.readings(question, parse_filter(case.filter) if case.filter else None) if question else []
        if len(readings) != 1:
            continue
        reading: Reading = readings[0]
        if reading.features is None:
            continue
        answering = [
            own and _answers(case, candidate.text, sources[candidate.document_id]) for candidate in reading.candidates
        ]
        yield Example(
            kind=kind,
            group=articles.get(case.id) or (case.evidence[0].source if case.evidence else case.id),
            answerable=own and not case.unanswerable,
            sentences=np.array([candidate.features for candidate in reading.candidates]),
            log_odds=np.array([candidate.log_odds for candidate in reading.candidates]),
            answering=np.array(answering, bool),
            gate=reading.features,
        )


def _answers(case: Case, sentence: str, sources: Sequence[str]) -> bool:
    """Tell whether a sentence holds a wanted wording and stands in a document of the evidence, where that is known."""
    known = not case.evidence or any(source.endswith(each.source) for each in case.evidence for source in sources)
    return known and any(contains(sentence, wording) for group in case.answer for wording in group)


def fit_reader(found: Sequence[Example]) -> dict[str, object]:
    """Fit the reader; nothing is learned from held-out questions."""
    parameters = _fit_ranking(found, [each.sentences for each in found], read.FEATURES)
    least = np.array([RULES.get(name, -np.inf) for name in read.FEATURES]) * np.array(parameters["scale"])
    return parameters | {"weights": np.maximum(parameters["weights"], least).round(4).tolist()}


def fit_rerank(found: Sequence[Example]) -> dict[str, object]:
    """Fit how the reader's score and the cross-encoder's log-odds add up; the same for held-out questions."""
    reread = [_reread(each) for each in found]
    return _fit_ranking(reread, [each.sentences for each in reread], rerank.FEATURES)


def _reread(example: Example) -> Example:
    """Return an example with the features of the second reading, of the sentences that were read twice."""
    twice = example.log_odds != 0
    scores = read.reader_model().logits(example.sentences)
    rows = np.stack([scores, example.log_odds], 1)[twice]
    return replace(example, sentences=rows, log_odds=example.log_odds[twice], answering=example.answering[twice])


def _fit_ranking(found: Sequence[Example], features: Sequence[Floats], names: Sequence[str]) -> dict[str, Any]:
    """Fit a linear model such that the softmax over a question's sentences puts its mass on those that answer."""
    import torch

    usable = [(each, rows) for each, rows in zip(found, features, strict=True) if each.answering.any()]
    together = np.concatenate([rows for _, rows in usable])
    mean, scale = together.mean(0), together.std(0) + 1e-9
    train = [(each, rows) for each, rows in usable if not each.held_out]
    longest = max(len(rows) for _, rows in train)
    x = torch.zeros(len(train), longest, len(names))
    mask = torch.full((2, len(train), longest), -1e9)
    for number, (each, rows) in enumerate(train):
        count = len(rows)
        x[number, :count] = torch.tensor((rows - mean) / scale)
        mask[0, number, :count] = 0
        mask[1, number, :count][torch.tensor(each.answering)] = 0
    share = torch.tensor([RARE if each.kind in OWN else 1.0 for each, _ in train])
    free = torch.tensor([name in SIGNED for name in names])
    roots = torch.full((len(names),), 0.5, requires_grad=True)
    optimiser = torch.optim.LBFGS([roots], max_iter=300)

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        weights = torch.where(free, roots, roots.square())
        scores = x @ weights
        surprise = torch.logsumexp(scores + mask[0], 1) - torch.logsumexp(scores + mask[1], 1)
        total: torch.Tensor = (surprise * share).sum() / share.sum() + 1e-3 * weights.square().sum()
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    weights = torch.where(free, roots, roots.square())
    return {
        "features": list(names),
        "weights": weights.detach().numpy().astype(float).round(4).tolist(),
        "bias": 0.0,
        "mean": mean.round(5).tolist(),
        "scale": scale.round(5).tolist(),
    }


def report_reader(found: Sequence[Example], parameters: dict[str, object]) -> str:
    """Return, for the questions that were held out, how often the best sentence answers, by set."""
    return _report(found, LinearModel.parse(parameters, read.FEATURES))


def report_rerank(found: Sequence[Example], parameters: dict[str, object]) -> str:
    """Return the same for the second reading, and before it for the reader alone on the same sentences."""
    reread = [_reread(each) for each in found]
    once = LinearModel(np.array([1.0, 0.0]), 0.0, np.zeros(2), np.ones(2))
    twice = LinearModel.parse(parameters, rerank.FEATURES)
    return f"read once\n{_report(reread, once)}\nread twice\n{_report(reread, twice)}"


def _report(found: Sequence[Example], model: LinearModel) -> str:
    lines = []
    for kind in dict.fromkeys(each.kind for each in found):
        held = [each for each in found if each.kind == kind and each.answerable and each.held_out]
        if held:
            best = [len(each.answering) and each.answering[int(model.logits(each.sentences).argmax())] for each in held]
            reached = [each.answering.any() for each in held]
            lines.append(f"{kind:12} {np.mean(best):.3f} of {np.mean(reached):.3f} reachable, n={len(held)}")
    return "\n".join(lines)


def fit_gate(found: Sequence[Example], kept_model: LinearModel | None = None) -> tuple[dict[str, object], str]:
    """Fit the gate, or only draw its line anew; also return its error rates on held-out questions, by set."""
    usable = [each for each in found if not each.answerable or each.answering.any()]
    kept = [each for each in usable for _ in range(OFTEN if each.kind in OWN else 1)]
    calibration = _calibrated(kept, kept_model)
    parameters: dict[str, object] = {"features": list(gate.FEATURES), **calibration.parameters()}
    held = _calibrated([each for each in kept if not each.held_out], kept_model)
    model = LinearModel.parse({"features": list(gate.FEATURES), **held.parameters()}, gate.FEATURES)
    lines = []
    for kind in dict.fromkeys(each.kind for each in usable):
        for answerable in (True, False):
            rows = np.array(
                [each.gate for each in usable if each.kind == kind and each.answerable == answerable and each.held_out]
            )
            if len(rows):
                answered = 1 / (1 + np.exp(-model.logits(rows))) >= held.threshold
                error = np.mean(~answered) if answerable else np.mean(answered)
                lines.append(f"{kind:28} false {'refusals' if answerable else 'answers '} {error:.3f}, n={len(rows)}")
    return parameters, "\n".join(lines)


def _calibrated(found: Sequence[Example], kept_model: LinearModel | None) -> Calibration:
    rows = np.array([each.gate for each in found])
    labels = np.array([each.answerable for each in found])
    groups = [each.group for each in found]
    if kept_model is not None:
        return redraw(kept_model, rows, labels, groups, FALSE_ANSWERS)
    return fit(rows, labels, groups, FALSE_ANSWERS, gate.SIGNS)


def _rendered(parameters: Mapping[str, object]) -> str:
    """Return parameters as JSON, a line for each."""
    return (
        "{\n" + ",\n".join(f" {json.dumps(name)}: {json.dumps(value)}" for name, value in parameters.items()) + "\n}\n"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit one of the three models and write its parameters; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m evals.fit", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("model", choices=("reader", "rerank", "gate"))
    parser.add_argument("--data", type=Path, required=True, help="folder of the public question sets")
    parser.add_argument("--limit", type=int, default=1500, metavar="N", help="questions of each set (default 1500)")
    parser.add_argument("--home", type=Path, help="keep the documents and indexes there for the next run")
    parser.add_argument("--keep", action="store_true", help="keep the gate's weights, find only its threshold anew")
    options = parser.parse_args(arguments)
    package = Path(read.__file__).parent
    try:
        with tempfile.TemporaryDirectory() as temporary:
            home = options.home or Path(temporary)
            found = examples(options.data, home, options.limit, unlearned=options.model != "reader")
    except CitechatError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    if options.model == "reader":
        parameters = fit_reader(found)
        path, report = package / "reader.json", report_reader(found, parameters)
    elif options.model == "rerank":
        parameters = fit_rerank(found)
        path, report = package / rerank.FILE, report_rerank(found, parameters)
    else:
        parameters, report = fit_gate(found, gate.load_gate(package).model if options.keep else None)
        path = package / gate.FILE
    path.write_text(_rendered(parameters), encoding="utf-8")
    sys.stdout.write(f"{report}\nwritten to {path.name}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
