"""How near the embedder comes to what the matrix products alone allow.

    python -m evals.bench.roofline --data DIR [--articles 20] [--rounds 5] [--json F]

In turn, a round after another: the products of the model's linear layers alone, over as many tokens as the passages
have, in the embedder's number format, without bias, attention or anything else; the embedder, texts to vectors; and the
same model in a plain loop of sentence-transformers, in that format too. The best round of each counts. The bound is the
best of several numbers of rows in a product (`ROWS`), and leaves attention's own products out, so nothing reaches it.

``clock`` is in tokens a second; ``cpu`` in tokens a second of processor time on all cores, which other work on the
machine changes less. ``cosine`` is the least one of a passage's vector to float32.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
import torch

from evals.datasets import load
from index.bert import Bert, Shape
from index.embedder import SentenceTransformerEmbedder
from index.errors import CitechatError
from index.passages import lead, split_document
from index.readers.worker import ReaderProcess
from index.sentence_model import native_dtype
from index.types import Document, Passage
from rag.models import locate
from rag.settings import Settings

MODEL = "all-MiniLM-L6-v2"
ROWS = (512, 1024, 2048, 4096)
SPECIAL = 2
"""Tokens that the model adds to a text."""


@dataclass(frozen=True, slots=True)
class Speed:
    """Tokens a second: on the clock, and of processor time on all cores; what share of the bound that is."""

    name: str
    clock: float
    cpu: float
    clock_share: float
    cpu_share: float


def passages_of(texts: dict[str, str], embedder: SentenceTransformerEmbedder, folder: Path) -> list[Passage]:
    """Read texts as files and split them as the index does."""
    budget = min(Settings().passage_tokens, embedder.max_tokens)
    found: list[Passage] = []
    with ReaderProcess() as reader:
        for name, text in texts.items():
            path = folder / name
            path.write_text(text, encoding="utf-8")
            for reading in reader.unpack(path, name):
                if isinstance(reading.outcome, Document):
                    found += split_document(reading.outcome, embedder.count_tokens, budget)
    return found


def products(shape: Shape, rows: int, tokens: int) -> Callable[[], None]:
    """Return what multiplies by every linear layer of a model of this shape, ``rows`` tokens at a time."""
    width, inner = shape.width, shape.inner
    sizes = ((width, 3 * width), (width, width), (width, inner), (inner, width))
    dtype = native_dtype()
    operands = [(torch.randn(rows, a, dtype=dtype), torch.randn(b, a, dtype=dtype)) for a, b in sizes]

    def multiply() -> None:
        with torch.inference_mode():
            for _ in range(-(-tokens // rows) * shape.layers):
                for states, weights in operands:
                    torch.nn.functional.linear(states, weights)

    return multiply


def plain_loop(folder: Path, texts: Sequence[str]) -> Callable[[], object]:
    """Return what embeds the texts by sentence-transformers, in the embedder's number format."""
    from sentence_transformers import SentenceTransformer

    model: Any = SentenceTransformer(
        str(folder), device="cpu", local_files_only=True, model_kwargs={"dtype": native_dtype()}
    )
    return lambda: model.encode(list(texts), show_progress_bar=False)


def least_cosine(folder: Path, embedder: SentenceTransformerEmbedder, passages: Sequence[Passage]) -> float:
    """Return the least cosine of the passages' vectors to those of the model in float32, each by itself."""
    from tokenizers import Tokenizer

    model = Bert.load(folder, torch.float32)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(embedder.max_tokens + SPECIAL)
    tokenizer.no_padding()
    cosines = []
    for passage, embedded in zip(passages, embedder.embed_passages(passages), strict=True):
        ids = torch.tensor([tokenizer.encode(lead(passage.context) + passage.text).ids])
        with torch.inference_mode():
            mean = model(ids, torch.ones_like(ids, dtype=torch.bool))[0].mean(0).numpy()
        cosines.append(float(embedded.passage @ mean / np.linalg.norm(mean)))
    return min(cosines)


def measure(
    folder: Path, embedder: SentenceTransformerEmbedder, passages: Sequence[Passage], rounds: int
) -> list[Speed]:
    """Measure the model in ``folder`` on these passages: the bound, the embedder, the plain loop."""
    texts = [lead(passage.context) + passage.text for passage in passages]
    tokens = sum(min(count, embedder.max_tokens) + SPECIAL for count in embedder.count_tokens(texts))
    shape = Shape.of(folder)
    work: dict[str, tuple[int, Callable[[], object]]] = {
        f"products, {rows} rows": (-(-tokens // rows) * rows, products(shape, rows, tokens)) for rows in ROWS
    }
    work["citechat"] = tokens, lambda: embedder.embed_passages(passages)
    work["plain loop"] = tokens, plain_loop(folder, texts)
    best = dict.fromkeys(work, (0.0, 0.0))
    for _ in range(rounds):
        for name, (count, call) in work.items():
            seconds, processor = _timed(call)
            best[name] = max(best[name][0], count / seconds), max(best[name][1], count / processor)
    bounds = [figures for name, figures in best.items() if name.startswith("products")]
    bound = max(clock for clock, _ in bounds), max(cpu for _, cpu in bounds)
    return list(_speeds({"products": bound, "citechat": best["citechat"], "plain loop": best["plain loop"]}))


def _timed(call: Callable[[], object]) -> tuple[float, float]:
    begun, used = perf_counter(), process_time()
    call()
    return perf_counter() - begun, (process_time() - used) / torch.get_num_threads()


def _speeds(figures: dict[str, tuple[float, float]]) -> Iterator[Speed]:
    bound_clock, bound_cpu = figures["products"]
    for name, (clock, cpu) in figures.items():
        yield Speed(name, clock, cpu, clock / bound_clock, cpu / bound_cpu)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table and, if asked to, write the figures as JSON; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m evals.bench.roofline", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the public question sets")
    parser.add_argument("--articles", type=int, default=20, metavar="N")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument("--json", type=Path, metavar="F", help="write the figures there")
    options = parser.parse_args(arguments)
    try:
        folder = locate(MODEL)
        embedder = SentenceTransformerEmbedder(folder)
        taken = dict(list(load("realtimeqa", options.data)[0].documents.items())[: options.articles])
        with tempfile.TemporaryDirectory() as place:
            passages = passages_of(taken, embedder, Path(place))
    except CitechatError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    speeds = measure(folder, embedder, passages, options.rounds)
    cosine = least_cosine(folder, embedder, passages)
    sys.stdout.write(f"{len(passages)} passages, {native_dtype()}, {torch.get_num_threads()} threads\n")
    sys.stdout.write(f"{'':12}{'clock':>10}{'of bound':>10}{'cpu':>10}{'of bound':>10}\n")
    for speed in speeds:
        sys.stdout.write(
            f"{speed.name:12}{speed.clock:10,.0f}{speed.clock_share:10.2f}{speed.cpu:10,.0f}{speed.cpu_share:10.2f}\n"
        )
    sys.stdout.write(f"least cosine to float32: {cosine:.5f}\n")
    if options.json:
        figures = {"passages": len(passages), "cosine": cosine, "speeds": [asdict(speed) for speed in speeds]}
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
