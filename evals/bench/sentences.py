"""How to find the answering sentence of a paragraph without a trained reader: what the sentence vectors are worth.

    python -m evals.bench.sentences --data DIR

For each English question of XQuAD, the sentences of its paragraph are ranked, and the share of questions is printed
whose best sentence holds the start of the answer: by lexical coverage, by vectors of sentences embedded alone, by
vectors pooled from the paragraph's own pass (what citechat stores), and by sums of these.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import math
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from index.embedder import SentenceTransformerEmbedder
from index.sentences import sentence_spans
from index.terms import terms
from index.types import Passage, Span
from rag.models import locate
from rag.settings import load_settings

WAYS = ("lexical", "alone", "in context", "alone + lexical", "in context + lexical")


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph, its sentences, and its questions with the offset at which the answer starts."""

    text: str
    sentences: tuple[Span, ...]
    questions: tuple[tuple[str, int], ...]


def paragraphs(data: Path) -> Iterator[Paragraph]:
    """Yield the English paragraphs of XQuAD."""
    content: Any = json.loads(gzip.decompress((data / "multilingual" / "xquad.en.json.gz").read_bytes()))
    for article in content["data"]:
        for paragraph in article["paragraphs"]:
            questions = [(each["question"], each["answers"][0]["answer_start"]) for each in paragraph["qas"]]
            text = paragraph["context"]
            yield Paragraph(text, tuple(sentence_spans(text)), tuple(questions))


def measure(found: Sequence[Paragraph], embedder: SentenceTransformerEmbedder) -> Counter[str]:
    """Count, for each way, the questions whose best sentence answers."""
    bags = [[_stems(each.text[span.start : span.end]) for span in each.sentences] for each in found]
    frequency = Counter(stem for paragraph in bags for bag in paragraph for stem in bag)
    total = sum(map(len, bags))
    right: Counter[str] = Counter()
    for paragraph, sentences in zip(found, bags, strict=True):
        whole = _passage(paragraph.text, paragraph.sentences)
        alone = [_passage(paragraph.text[span.start : span.end]) for span in paragraph.sentences]
        (inside,) = embedder.embed_passages([whole])
        apart = np.array([each.passage for each in embedder.embed_passages(alone)])
        for question, start in paragraph.questions:
            query = embedder.embed_query(question)
            weights = {stem: math.log(1 + (total + 1) / (frequency[stem] + 0.5)) for stem in _stems(question)}
            weight = sum(weights.values()) or 1.0
            lexical = np.array([sum(weights[stem] for stem in bag & weights.keys()) / weight for bag in sentences])
            dense = {"alone": apart @ query, "in context": inside.sentences @ query}
            scores = {"lexical": lexical, **dense, **{f"{way} + lexical": dense[way] + lexical for way in dense}}
            gold = [number for number, span in enumerate(paragraph.sentences) if span.start <= start < span.end]
            right.update(way for way in WAYS if int(np.argmax(scores[way])) in gold)
    return right


def _stems(text: str) -> set[str]:
    return {term.stem for term in terms(text)}


def _passage(text: str, sentences: tuple[Span, ...] = ()) -> Passage:
    name = hashlib.sha256(text.encode()).hexdigest()
    return Passage(name, name, 0, 0, len(text), text, "", "", sentences or (Span(0, len(text)),))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m evals.bench.sentences")
    parser.add_argument("--data", type=Path, required=True, help="folder of the public question sets")
    options = parser.parse_args(arguments)
    found = list(paragraphs(options.data))
    asked = sum(len(paragraph.questions) for paragraph in found)
    right = measure(found, SentenceTransformerEmbedder(locate(load_settings().embedder)))
    sys.stdout.write("".join(f"{way:22}{right[way] / asked:.3f}\n" for way in WAYS) + f"{asked} questions\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
