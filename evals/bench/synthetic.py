"""An index of any size, made around a small real one: what `evals.bench.scale` measures on.

What is real: the passages of the folder ``seeds/`` and, with a data folder, of news articles, with their vectors. What
is synthetic: everything else. The words of a synthetic passage are drawn one by one: the real words by Zipf's law, its
exponent fitted to the real texts, and made-up words for the ranks beyond them. Its vector is a real one moved by a part
of the difference of two others, so that the cloud keeps the directions in which real vectors differ; the vectors of its
sentences lie around it. So words do not go with vectors, and nothing can be said of the quality of answers.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from evals.datasets import load
from index.corpus import Corpus
from index.embedder import Embedder
from index.files import find_files
from index.store import changes
from index.store.base import Origin, StoredPassage
from index.store.database import Database
from index.store.embedded import EmbeddedStore
from index.types import Block, Document, Matrix, Passage, Span

PARTS = 100
"""Documents carry a field ``part`` from 0 to 99, so that ``part<5`` is a filter that 5 % of them pass."""

PASSAGES = 10
"""Passages of a synthetic document."""

_BATCH = 500
_SENTENCES = (3, 7)
_WORDS = 71
_VOCABULARY = 300_000
_MOVED = 0.5
_OFFSET = 2.7
"""Mandelbrot's: p(rank) is proportional to (rank + offset) ** -exponent."""


Made = tuple[Document, Origin, list[StoredPassage]]
"""A document as a store takes it."""


@dataclass(frozen=True, slots=True)
class Real:
    """Real passages: their texts joined, their vectors, shape ``(passages, dimension)``, and what they are part of."""

    text: str
    vectors: Matrix
    documents: tuple[Made, ...]


def real_passages(folder: Path, embedder: Embedder, data: Path | None, articles: int) -> Real:
    """Index the seeds and so many news articles below ``folder``, as a user would, once; return what is there."""
    texts = folder / "articles"
    is_there = (folder / "home").exists()
    if not is_there:
        texts.mkdir(parents=True)
        if data:
            for name, text in [*load("realtimeqa", data)[0].documents.items()][:articles]:
                (texts / name).write_text(text, encoding="utf-8")
    store = EmbeddedStore(folder / "home", embedder.fingerprint, embedder.dimension)
    with Corpus(store, embedder, 144) as corpus:
        if not is_there:
            corpus.add(find_files([Path(__file__).parents[2] / "seeds", texts]))
        origins = {origin.document_id: origin for origin in store.origins().values()}
        made: list[Made] = []
        for info in corpus.documents():
            if document := corpus.document(info.id):
                found = store.passages([f"{info.id}-{number}" for number in range(info.passages)])
                made.append((document, origins[info.id], [*found.values()]))
        stored = [each for _, _, passages in made for each in passages]
        text = "\n".join(each.passage.text for each in stored)
        return Real(text, np.array([each.vector for each in stored]), tuple(made))


def batches(real: Real, passages: int, seed: int = 1) -> Iterator[list[Made]]:
    """Yield so many synthetic passages, up to a document more, in batches; always the same for the same arguments."""
    maker = _Maker(real, np.random.default_rng(seed))
    for first in range(0, -(-passages // PASSAGES), _BATCH):
        count = min(_BATCH, -(-passages // PASSAGES) - first)
        yield [
            (document, synthetic_origin(document, number), stored)
            for number, (document, stored) in enumerate(maker.documents(first, count), first)
        ]


def build(home: Path, made: Iterable[Sequence[Made]], fingerprint: str, dimension: int) -> Iterator[int]:
    """Store documents in a home folder, a batch after the other; yield how many passages there are after each.

    The rows are made by the store's own code, a batch to a transaction, and the disk is not waited for.
    """
    home.mkdir(parents=True, exist_ok=True)
    database = Database(home / "index.sqlite3", {"fingerprint": fingerprint, "dimension": str(dimension)})
    database.read("PRAGMA synchronous = OFF")
    database.read("PRAGMA cache_size = -400000")
    done = 0
    for batch in made:
        with database.writing() as cursor:
            for document, origin, stored in batch:
                changes.put(cursor, document, origin, stored, None)
        done += sum(len(stored) for _, _, stored in batch)
        yield done
    database.checkpoint()
    database.close()


def synthetic_origin(document: Document, number: int) -> Origin:
    """Return where a synthetic document is said to come from."""
    location = f"/synthetic/{number // 1000:04}/{number:07}.txt"
    return Origin(location, location[1:], len(document.text), 1, document.id, document.id)


class _Maker:
    def __init__(self, real: Real, chance: np.random.Generator) -> None:
        counts = Counter(re.findall(r"[^\W_]+", real.text.lower()))
        self._chance = chance
        self._vectors = real.vectors
        self._words = np.array([*(word for word, _ in counts.most_common()), *_made_up(_VOCABULARY - len(counts))], "O")
        self.exponent = zipf_exponent(sorted(counts.values(), reverse=True))
        shares = (np.arange(len(self._words)) + 1 + _OFFSET) ** -self.exponent
        self._cumulated = np.cumsum(shares / shares.sum())
        self._noise = 0.04 * chance.standard_normal((4096, real.vectors.shape[1])).astype(np.float32)

    def documents(self, first: int, count: int) -> Iterator[tuple[Document, list[StoredPassage]]]:
        """Yield documents with their passages, numbered from ``first``."""
        ranks = np.searchsorted(self._cumulated, self._chance.random((count * PASSAGES, _WORDS)))
        words = self._words[np.minimum(ranks, len(self._words) - 1)]
        vectors = self._moved(count * PASSAGES)
        for number in range(count):
            rows = slice(number * PASSAGES, (number + 1) * PASSAGES)
            yield self._document(first + number, words[rows], vectors[rows])

    def _moved(self, count: int) -> Matrix:
        base, one, other = (self._vectors[self._chance.integers(len(self._vectors), size=count)] for _ in range(3))
        moved = base + _MOVED * (one - other)
        unit: Matrix = (moved / np.linalg.norm(moved, axis=1, keepdims=True)).astype(np.float32)
        return unit

    def _document(
        self, number: int, words: npt.NDArray[np.object_], vectors: Matrix
    ) -> tuple[Document, list[StoredPassage]]:
        id_ = hashlib.sha256(str(number).encode()).hexdigest()[:16]
        title = " ".join(words[0][:4])
        text, blocks, stored = "", [], []
        for ordinal, (row, vector) in enumerate(zip(words, vectors, strict=True)):
            start = len(text) + (2 if text else 0)
            pieces = np.array_split(row, self._chance.integers(*_SENTENCES))
            sentences, place = [], start
            for piece in pieces:
                sentence = " ".join(piece) + "."
                sentences.append((Span(place, place + len(sentence)), sentence))
                place += len(sentence) + 1
            own = " ".join(sentence for _, sentence in sentences)
            text += ("\n\n" if text else "") + own
            blocks.append(Block("paragraph", start, len(text)))
            spans = tuple(span for span, _ in sentences)
            passage = Passage(f"{id_}-{ordinal}", id_, ordinal, start, len(text), own, "", title, spans)
            digest = hashlib.sha256(repr((title, own)).encode()).hexdigest()
            stored.append(StoredPassage(passage, digest, _WORDS * 4 // 3, vector, self._around(vector, len(spans))))
        metadata = {"part": str(number % PARTS), "published": f"20{number % 26:02}-0{number % 9 + 1}"}
        return Document(id_, "", title, text, metadata, (), tuple(blocks)), stored

    def _around(self, vector: npt.NDArray[np.float32], count: int) -> Matrix:
        rows = vector + self._noise[self._chance.integers(len(self._noise), size=count)]
        unit: Matrix = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        return unit


def zipf_exponent(counts: Sequence[int]) -> float:
    """Return the exponent of Zipf's law, by least squares over the logarithms of the counts of ranks 10 to 2,000."""
    ranks = np.arange(10, min(2000, len(counts)))
    slope, _ = np.polyfit(np.log(ranks + 1 + _OFFSET), np.log(np.asarray(counts)[ranks]), 1)
    return float(-slope)


def _made_up(count: int) -> Iterator[str]:
    """Yield words that no text has, each another one."""
    syllables = [f"{consonant}{vowel}" for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]
    for number in range(max(count, 0)):
        word, rest = "x", number
        for _ in range(4):
            rest, place = divmod(rest, len(syllables))
            word += syllables[place]
        yield word


def stated(real: Real, passages: int) -> str:
    """Say what of an index is synthetic."""
    return (
        f"{passages} passages, all of them synthetic: words drawn one by one by Zipf's law as fitted to "
        f"{len(real.vectors)} real passages, vectors moved from those of the real ones; words do not go with vectors"
    )


def dumped(figures: object) -> str:
    """Return figures as the benchmark writes them."""
    return json.dumps(figures, indent=1)
