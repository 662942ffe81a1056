"""How well claims that their quotes do not support are caught; what is fitted is ``rag/writer/verify.json``.

    python -m evals.faithfulness --data DIR [--write]

Three kinds of claims: replies of dialogue systems with what they were told (BEGIN), claims of language models about
paragraphs (RefChecker, where the paragraphs are those of QED), and sentences of news and encyclopaedia articles,
shortened (still true) or altered (`evals.mutations`). Half of the passages, by a hash, is fitted on; the figures are of
the other half: at the line that gave `FALSE_ALARMS` on the retold sentences of the first, and, in the last column, at
the line that gives as many on the very claims.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import json
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from evals import mutations
from evals.calibrate import fit
from evals.scoring.metrics import auc
from index.embedder import SentenceTransformerEmbedder
from index.sentences import sentence_spans
from index.types import Passage
from rag.models import locate
from rag.reader.gate import Gate
from rag.reader.linear import LinearModel
from rag.settings import load_settings
from rag.writer.facts import unfounded
from rag.writer.verify import FEATURES, FILE, SIGNS, Verifier

FALSE_ALARMS = 0.05
"""Share of the supported claims that may be called unsupported."""
LIMIT = 1200
"""Claims of each kind that are read, at most."""
_SEED = 7

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Example:
    """A claim, what it is to stand on, where it is from, and whether it stands."""

    kind: str
    passage: str
    claim: str
    supported: bool

    @property
    def held_out(self) -> bool:
        """Whether it is kept for measuring."""
        return hashlib.sha256(self.passage.encode()).digest()[0] % 2 == 1


def begin(data: Path) -> Iterator[Example]:
    """Yield the replies of BEGIN; generic ones, which say nothing to check, are left out."""
    for path in sorted((data / "faithfulness" / "begin").glob("*/*.tsv")):
        with path.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
                if row["begin_label"] != "Generic":
                    yield Example(
                        "begin", row["knowledge"], row["response"], row["begin_label"] == "Fully attributable"
                    )


def refchecker(data: Path) -> Iterator[Example]:
    """Yield the claims of RefChecker about Natural Questions whose paragraph QED has."""
    with gzip.open(data / "qed" / "qed-dev.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    passages = {str(row["example_id"]): f"{row['title_text']}. {row['paragraph_text']}" for row in rows}
    for path in sorted((data / "faithfulness" / "refchecker" / "zero_context").glob("*.json")):
        for reply in json.loads(path.read_text(encoding="utf-8")):
            for claim in reply["claude2_response_kg"]:
                passage = passages.get(reply["id"])
                if passage and claim.get("human_label"):
                    text = " ".join(part.strip('" ') for part in claim["triplet"]) + "."
                    yield Example("refchecker", passage, text, claim["human_label"] == "Entailment")


def altered(data: Path) -> Iterator[Example]:
    """Yield true and altered claims about news and encyclopaedia articles."""
    chance = random.Random(_SEED)  # noqa: S311  # no secret
    for text in _articles(data):
        for claim in mutations.claims(text, chance):
            yield Example(claim.kind, claim.passage, claim.text, claim.kind == "true")


def _articles(data: Path) -> Iterator[str]:
    with (data / "wikinews_en" / "wikinews_101.jsonl").open(encoding="utf-8") as lines:
        yield from (_text(json.loads(line)) for line in lines)
    squad: Any = json.loads(gzip.decompress((data / "squad" / "squad_v1.1_dev.json.gz").read_bytes()))
    for article in squad["data"]:
        yield "\n".join(paragraph["context"] for paragraph in article["paragraphs"])


def _text(article: dict[str, Any]) -> str:
    return max((value for value in article.values() if isinstance(value, str)), key=len)


def collect(data: Path) -> list[Example]:
    """Read all examples, at most `LIMIT` of a kind, spread evenly."""
    found: dict[str, list[Example]] = {}
    for example in (*begin(data), *refchecker(data), *altered(data)):
        found.setdefault(example.kind, []).append(example)
    return [each for examples in found.values() for each in examples[:: max(1, -(-len(examples) // LIMIT))]]


class _Remembering(SentenceTransformerEmbedder):
    """An embedder that has embedded its texts before, many at a time."""

    def __init__(self, folder: Path, texts: Sequence[str]) -> None:
        super().__init__(folder)
        passages = [Passage(str(n), "", 0, 0, len(text), text, "", "", ()) for n, text in enumerate(texts)]
        vectors = self.embed_passages(passages)
        self._known = {text: each.passage for text, each in zip(texts, vectors, strict=True)}

    def embed_query(self, text: str) -> npt.NDArray[np.float32]:
        return self._known[text]


def _texts(examples: Sequence[Example]) -> list[str]:
    """Return every text whose vector is asked for: claims, passages and their sentences."""
    passages = dict.fromkeys(example.passage for example in examples)
    sentences = [passage[span.start : span.end] for passage in passages for span in sentence_spans(passage)]
    return list(dict.fromkeys([*(example.claim for example in examples), *passages, *sentences]))


def measure(examples: Sequence[Example], verifier: Verifier) -> tuple[Floats, Booleans]:
    """Return the features of each claim, and whether it breaks a rule."""
    rows, broken = [], []
    for example in tqdm(examples, unit="claim", disable=None, leave=False):
        reasons = unfounded(example.claim, [example.passage])
        features = verifier.describe(example.claim, [example.passage], reasons)
        rows.append(features)
        broken.append(bool(reasons) or bool(features[FEATURES.index("polarity")]))
    return np.array(rows), np.array(broken)


def calibrate(examples: Sequence[Example], features: Floats, broken: Booleans) -> tuple[Gate, dict[str, object]]:
    """Fit the model to the examples that are not kept out, and its line to the retold sentences among them.

    These are what a writer who is to stay close to its quotes writes; small talk and bare triplets are not.
    """
    supported = np.array([example.supported for example in examples])
    ours = ~np.array([example.held_out for example in examples])
    groups = [example.passage for example, chosen in zip(examples, ours, strict=True) if chosen]
    parameters = {"features": list(FEATURES), **fit(features[ours], supported[ours], groups, None, SIGNS).parameters()}
    gate = Gate(LinearModel.parse(parameters, FEATURES), 0.0)
    scores = np.where(broken, 0.0, [gate.confidence(row) for row in features])
    retold = np.array([example.kind == "true" for example in examples])
    line = float(np.quantile(scores[ours & retold], FALSE_ALARMS))
    parameters["threshold"] = line
    return Gate(gate.model, line), parameters


def report(examples: Sequence[Example], features: Floats, broken: Booleans, gate: Gate) -> str:
    """Return the figures of the examples that were kept out, as a table."""
    scores = np.where(broken, 0.0, [gate.confidence(row) for row in features])
    supported = np.array([example.supported for example in examples])
    held = np.array([example.held_out for example in examples])
    kinds = np.array([example.kind for example in examples])
    own = np.isin(kinds, ("true", *mutations.KINDS))
    sets = {"BEGIN": kinds == "begin", "RefChecker": kinds == "refchecker", "mutations": own}
    sets |= {f"  {kind}": (kinds == kind) | (kinds == "true") for kind in mutations.KINDS} | {"all": held}
    lines = [f"{'':14}{'claims':>7}{'recall':>8}{'precis.':>8}{'alarms':>8}{'AUC':>7}{'recall at 5%':>14}"]
    for name, chosen in sets.items():
        true, false = scores[chosen & held & supported], scores[chosen & held & ~supported]
        caught, alarms = (false < gate.threshold).sum(), (true < gate.threshold).sum()
        best = (false < np.quantile(true, FALSE_ALARMS)).mean()
        area = auc(true.tolist(), false.tolist()) or 0.0
        lines.append(
            f"{name:14}{len(true) + len(false):7}{caught / len(false):8.3f}{caught / max(1, caught + alarms):8.3f}"
            f"{alarms / len(true):8.3f}{area:7.3f}{best:14.3f}"
        )
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit, measure and print; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m evals.faithfulness")
    parser.add_argument("--data", type=Path, required=True, help="folder of the public sets")
    parser.add_argument("--write", action="store_true", help=f"replace rag/{FILE} by what is fitted")
    options = parser.parse_args(arguments)
    examples = collect(options.data)
    embedder = _Remembering(locate(load_settings().embedder), _texts(examples))
    untrained = Gate(LinearModel(np.zeros(len(FEATURES)), 0.0, np.zeros(len(FEATURES)), np.ones(len(FEATURES))), 0.5)
    features, broken = measure(examples, Verifier(embedder, untrained))
    gate, parameters = calibrate(examples, features, broken)
    sys.stdout.write(report(examples, features, broken, gate))
    if options.write:
        (Path(__file__).parents[1] / "rag" / "writer" / FILE).write_text(
            json.dumps(parameters, indent=1) + "\n", encoding="utf-8"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
