"""What must hold of stored rows, whatever the engine: checked by ``verify``."""

from __future__ import annotations

import itertools
import json
import shlex
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from index.store.rows import COLUMNS, checksum

MEND = "Run: citechat index verify --repair"
ANEW = "restore the index from a backup, or remove it and add the documents again"
MEND_OR_ANEW = f"{MEND}; if that is no help, {ANEW}"

_TEXT = COLUMNS["passages"].split(", ").index("text")

CUT_SHORT = "lacks its last passages"

OWNERS = {"documents": 0, "origins": 5, "passages": 1}
"""The column of each table that names the document."""


def remedy(document: str, locations: Sequence[str]) -> str:
    """Name the commands that mend a document: only its files, at ``locations``, can."""
    files = " ".join(map(shlex.quote, locations))
    again = f", then add the file again: citechat index add {files}" if files else ""
    return f"Its file alone can mend it; remove it: citechat index remove {document}{again}"


def restored(text: str | None, values: Sequence[object], expected: str) -> str | None:
    """Return the text that a passage (without its checksum) had, where its document has it and the checksum proves it.

    ``text`` is that of the document, ``expected`` the checksum of the passage's row.
    """
    _, _, _, start, end, *_ = values
    if text is None or not isinstance(start, int) or not isinstance(end, int):
        return None
    own = text[start:end]
    return own if checksum([*values[:_TEXT], own, *values[_TEXT + 1 :]]) == expected else None


def miscounted(number: int, last: int, misnamed: int) -> str:
    """Return in words what is wrong with a document's passages: how many are there, the last one's number, names."""
    if misnamed:
        return f"has {misnamed} passages under names of others"
    return f"has {number} of its {last + 1} passages"


def end_of_blocks(blocks: str) -> int:
    """Return where the last block of a document (as JSON) that is not empty ends; its last passage ends there too."""
    return max((end for _, start, end, _ in json.loads(blocks) if start < end), default=0)


def pages_divide(length: int, pages: str) -> bool:
    """Tell whether pages, as JSON, divide a text of this length (in code points) where there are any."""
    bounds = [place for _, *extent in json.loads(pages) for place in extent]
    return not bounds or (bounds == sorted(bounds) and bounds[0] == 0 and bounds[-1] == length)


def sentences_lie_within(start: int, end: int, sentences: str) -> bool:
    """Tell whether sentences, as JSON, are there, in order, apart and inside of a passage."""
    spans = json.loads(sentences)
    ordered = all(a < b for a, b in spans) and all(left[1] <= right[0] for left, right in itertools.pairwise(spans))
    return bool(spans) and ordered and spans[0][0] >= start and spans[-1][1] <= end


def fault_of_vectors(sentences: str, vector: bytes, sentence_vectors: bytes, dimension: int) -> str | None:
    """Return in words what is wrong with the vectors of a passage and of its sentences, ``None`` for nothing."""
    if len(vector) != 4 * dimension or len(sentence_vectors) != 2 * dimension * len(json.loads(sentences)):
        return "its vectors have the wrong size"
    if not abs(float(np.linalg.norm(np.frombuffer(vector, np.float32))) - 1) < 1e-3:
        return "its vector is not of unit length"
    if not _unit_rows(np.frombuffer(sentence_vectors, np.float16).reshape(-1, dimension)):
        return "the vectors of its sentences are not of unit length"
    return None


def _unit_rows(matrix: npt.NDArray[np.float16]) -> bool:
    lengths = np.linalg.norm(matrix.astype(np.float32), axis=1)
    return bool((np.abs(lengths - 1) < 1e-2).all())
