"""The examples as they are read from the sets' own formats, in small, and the figures worked out by hand."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from evals import mutations
from evals.faithfulness import Example, altered, begin, calibrate, refchecker, report
from rag.writer.verify import FEATURES, SIGNS, shipped_gate


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "faithfulness" / "begin" / "wow"
    folder.mkdir(parents=True)
    (folder / "dev.tsv").write_text(
        "model_name\tknowledge\tmessage\tresponse\tbegin_label\n"
        'm\tBees fly.\tHi\tBees "fly\tFully attributable\n'
        "m\tBees fly.\tHi\tBees swim\tNot fully attributable\n"
        "m\tBees fly.\tHi\tNice!\tGeneric\n",
        encoding="utf-8",
    )
    (tmp_path / "qed").mkdir()
    with gzip.open(tmp_path / "qed" / "qed-dev.jsonl.gz", "wt", encoding="utf-8") as lines:
        lines.write(json.dumps({"example_id": 7, "title_text": "Bees", "paragraph_text": "They fly."}))
    replies = tmp_path / "faithfulness" / "refchecker" / "zero_context"
    replies.mkdir(parents=True)
    claims = [{"triplet": ["Bees", "can", '"fly"'], "human_label": label} for label in ("Entailment", "Neutral", None)]
    written = [{"id": "7", "claude2_response_kg": claims}, {"id": "8", "claude2_response_kg": claims}]
    (replies / "nq.json").write_text(json.dumps(written), encoding="utf-8")
    (tmp_path / "wikinews_en").mkdir()
    sentence = "The plan of the nine ministers was signed by 28 countries on 3 May 2025, while others say less."
    text = " ".join([sentence] * 3)
    (tmp_path / "wikinews_en" / "wikinews_101.jsonl").write_text(
        json.dumps({"id": "w", "text": text}), encoding="utf-8"
    )
    (tmp_path / "squad").mkdir()
    (tmp_path / "squad" / "squad_v1.1_dev.json.gz").write_bytes(gzip.compress(b'{"data": []}'))
    return tmp_path


def test_examples_are_read_as_the_sets_have_them(data: Path) -> None:
    assert list(begin(data)) == [
        Example("begin", "Bees fly.", 'Bees "fly', True),
        Example("begin", "Bees fly.", "Bees swim", False),
    ]
    assert list(refchecker(data)) == [
        Example("refchecker", "Bees. They fly.", "Bees can fly.", True),
        Example("refchecker", "Bees. They fly.", "Bees can fly.", False),
    ]
    made = list(altered(data))
    assert made
    assert all(example.supported == (example.kind == "true") for example in made)


def test_the_line_and_the_figures_are_of_different_halves() -> None:
    """Passages of both halves; a claim is supported if its first feature is 1, but for one held-out exception."""
    passages = [f"passage {n}" for n in range(80)]
    kinds = [kind for altered_kind in mutations.KINDS for kind in ("true", altered_kind)] * 8
    examples = [Example(kind, passage, "c", kind == "true") for kind, passage in zip(kinds, passages, strict=True)]
    examples += [Example("begin", each.passage, "c", each.supported) for each in examples]
    examples += [Example("refchecker", each.passage, "c", each.supported) for each in examples[:80]]
    features = np.zeros((len(examples), len(FEATURES)))
    features[:, 0] = [example.supported for example in examples]
    broken = np.zeros(len(examples), bool)
    odd = next(n for n, example in enumerate(examples) if example.held_out and example.kind == "true")
    broken[odd] = True
    gate, parameters = calibrate(examples, features, broken)
    assert parameters["features"] == list(FEATURES)
    lines = {line[:14].strip(): line[14:].split() for line in report(examples, features, broken, gate).splitlines()}
    supported = sum(example.held_out and example.kind == "true" for example in examples)
    assert lines["BEGIN"][1:4] == ["1.000", "1.000", "0.000"]
    assert lines["number"][1] == "1.000"
    assert float(lines["number"][3]) == pytest.approx(1 / supported, abs=0.001)


def test_more_likeness_never_counts_against_a_claim() -> None:
    weights = shipped_gate().model.weights
    assert all(weight * sign >= 0 for weight, sign in zip(weights, SIGNS, strict=True))
    assert 0 < shipped_gate().threshold < 1
