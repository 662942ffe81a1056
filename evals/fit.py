"""Fit the reader, its second reading and the gate to questions with known answers. What comes out is ``rag/*.json``.

    python -m evals.fit reader --data DIR [--limit N] [--home DIR]
    python -m evals.fit rerank --data DIR [--limit N] [--home DIR]
    python -m evals.fit gate --data DIR [--limit N] [--home DIR]

All learn from the examples of `evals.examples`. The reader learns which of all sentences that retrieval brings answers;
the second reading, how much the cross-encoder counts in that; the gate tells answerable questions from unanswerable
ones, among them those asked of an archive without the document that answers. The latter two use only articles that the
cross-encoder was not trained on: it knows the answers of the others. Half of the questions is kept out, and the figures
printed are of that half. The reader comes first and the gate last, for each builds on the one before.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from evals.calibrate import fit
from evals.examples import OWN, Example, Floats, archive_examples, examples
from index.errors import CitechatError
from rag import abstain, read, rerank

RARE = 6
"""How often a case of our own suites counts: they are few, but of the kind of text that people ask about."""
SIGNED = ("brevity",)
"""Features whose weight may be negative. More likeness and more coverage must never count against a sentence, although
an unconstrained fit of such correlated features would let it."""
FALSE_REFUSALS = 0.1
"""Share of the answerable questions that the gate refuses; the threshold follows from it."""
RULES = {"phrases": 3.0, "years_covered": 3.0, "whole": 2.5}
"""Least weight of what is too rare in the sets to be learned but is plain to a reader: a sentence that lacks the words
quoted in the question, or the year it names, is not what was asked for (odds of 1 to 20), and a heading hardly is."""


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
    twice = np.isfinite(example.log_odds)
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
    return _report(found, read.LinearModel.parse(parameters, read.FEATURES))


def report_rerank(found: Sequence[Example], parameters: dict[str, object]) -> str:
    """Return the same for the second reading, and before it for the reader alone on the same sentences."""
    reread = [_reread(each) for each in found]
    once = read.LinearModel(np.array([1.0, 0.0]), 0.0, np.zeros(2), np.ones(2))
    twice = read.LinearModel.parse(parameters, rerank.FEATURES)
    return f"read once\n{_report(reread, once)}\nread twice\n{_report(reread, twice)}"


def _report(found: Sequence[Example], model: read.LinearModel) -> str:
    lines = []
    for kind in dict.fromkeys(each.kind for each in found):
        held = [each for each in found if each.kind == kind and each.answerable and each.held_out]
        if held:
            best = [len(each.answering) and each.answering[int(model.logits(each.sentences).argmax())] for each in held]
            reached = [each.answering.any() for each in held]
            lines.append(f"{kind:12} {np.mean(best):.3f} of {np.mean(reached):.3f} reachable, n={len(held)}")
    return "\n".join(lines)


def fit_gate(found: Sequence[Example]) -> tuple[dict[str, Any], str]:
    """Fit the gate; also return its error rates on held-out questions, by set, when fitted on the others alone."""
    usable = [each for each in found if not each.answerable or each.answering.any()]
    held = _gate([each for each in usable if not each.held_out])
    model = read.LinearModel.parse(held, abstain.FEATURES)
    lines = []
    for kind, answerable in dict.fromkeys((each.kind, each.answerable) for each in usable):
        asked = [each for each in usable if each.held_out and (each.kind, each.answerable) == (kind, answerable)]
        if asked:
            answered = 1 / (1 + np.exp(-model.logits(np.array([each.gate for each in asked])))) >= held["threshold"]
            error = np.mean(~answered) if answerable else np.mean(answered)
            lines.append(f"{kind:22} false {'refusals' if answerable else 'answers '} {error:.3f}, n={len(asked)}")
    return _gate(usable), "\n".join(lines)


def _gate(usable: Sequence[Example]) -> dict[str, Any]:
    weighted = [each for each in usable for _ in range(RARE if each.kind in OWN else 1)]
    rows = np.array([each.gate for each in weighted])
    answerable = np.array([each.answerable for each in weighted])
    fitted = fit(rows, answerable, [each.group for each in weighted], signs=abstain.SIGNS).parameters()
    parameters = {"features": list(abstain.FEATURES), **fitted}
    logits = read.LinearModel.parse(parameters, abstain.FEATURES).logits(rows[answerable])
    threshold = float(1 / (1 + np.exp(-np.quantile(logits, FALSE_REFUSALS))))
    return parameters | {"threshold": threshold}


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit one of the three models and write its parameters; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m evals.fit", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("model", choices=("reader", "rerank", "gate"))
    parser.add_argument("--data", type=Path, required=True, help="folder of the public question sets")
    parser.add_argument("--limit", type=int, default=1500, metavar="N", help="questions of each set (default 1500)")
    parser.add_argument("--home", type=Path, help="keep the documents and indexes there for the next run")
    options = parser.parse_args(arguments)
    package = Path(read.__file__).parent
    try:
        with tempfile.TemporaryDirectory() as temporary:
            home = options.home or Path(temporary)
            found = examples(options.data, home, options.limit, unlearned=options.model != "reader")
            if options.model == "gate":
                found += archive_examples(options.data, home, options.limit)
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
        parameters, report = fit_gate(found)
        path = package / abstain.FILE
    path.write_text(json.dumps(parameters, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"{report}\nwritten to {path.name}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
