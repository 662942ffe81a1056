"""What it saves to embed questions that wait together: ``python -m evals.bench.together``.

The questions of the suites are embedded one by one and in groups, as a server does with those that wait. Printed are
milliseconds of processor time a question, which work elsewhere on the machine disturbs little, and how many of the
vectors are equal, to the bit, to those of the same questions alone.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence

import numpy as np

from evals.bench.questions import suite_questions
from index.embedder import SentenceTransformerEmbedder
from index.types import Vector
from rag.models import locate

SIZES = (2, 4, 8, 16, 32)


def embed(embedder: SentenceTransformerEmbedder, questions: Sequence[str], size: int) -> tuple[list[Vector], float]:
    """Embed questions in groups of ``size``; return their vectors and the milliseconds of processor time of each."""
    begun, vectors = time.process_time(), []
    for start in range(0, len(questions), size):
        vectors += embedder.embed_queries(questions[start : start + size])
    return vectors, (time.process_time() - begun) / len(questions) * 1000


def measure(embedder: SentenceTransformerEmbedder, questions: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return, for each size of group, the milliseconds of a question and how many vectors are equal to those alone."""
    embed(embedder, questions, 1)  # what is prepared for each length
    alone, took = embed(embedder, questions, 1)
    found: dict[str, dict[str, float]] = {"1": {"ms": took, "equal": float(len(questions))}}
    for size in SIZES:
        vectors, took = embed(embedder, questions, size)
        equal = sum(np.array_equal(*pair) for pair in zip(alone, vectors, strict=True))
        found[str(size)] = {"ms": took, "equal": float(equal)}
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m evals.bench.together", description=__doc__.split("\n")[0])
    parser.add_argument("--limit", type=int, help="questions, at most")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    questions = suite_questions()[: options.limit]
    found = measure(SentenceTransformerEmbedder(locate("all-MiniLM-L6-v2")), questions)
    rows = [
        f"{size:>3} at a time: {each['ms']:.2f} ms, {each['equal']:.0f} of {len(questions)} equal"
        for size, each in found.items()
    ]
    sys.stdout.write((json.dumps(found) if options.json else "\n".join(rows)) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
