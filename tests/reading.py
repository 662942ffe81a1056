"""Files that are written for a test and read again, and prose to put into them."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import docx

from index.errors import ReadError
from index.readers import read
from index.readers.worker import ReaderProcess
from index.types import Document

LONG = "This sentence is long enough to count as prose and not as a heading of any kind, so it ends with a stop."
OTHER = "Another sentence of prose stands here, about something else entirely, and it too ends with a full stop."
ARTICLE = f"""<!doctype html><html lang="en"><head><title>Peace plan leaked | The Daily</title>
<meta property="og:site_name" content="The Daily"><meta name="author" content="Jane Doe">
<meta property="article:published_time" content="2025-11-21T10:00:00Z">
<meta property="article:modified_time" content="2025-11-22T10:00:00Z">
<style>p {{ color: red }}</style></head><body><nav><a href="/">Home</a> <a href="/x">World</a></nav>
<article><h1>Peace plan leaked</h1><p>{LONG} <script>bad()</script></p><p>{OTHER}</p>
<h2>What it says</h2><ul><li>First point</li><li>Second point</li></ul>
<table><tr><th>Year</th><th>Cost</th></tr><tr><td>2024</td><td>3</td></tr><tr><td>2025</td><td>4</td></tr></table>
<p>{" ".join(f"Sentence number {n} goes on about the plan." for n in range(12))}</p></article>
<footer>All rights reserved</footer></body></html>"""


def written(tmp_path: Path, name: str, content: str | bytes) -> Document:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read(path, name)


def only(reader: ReaderProcess, path: Path, source: str) -> Document:
    """The one document of a file, read in a process of its own. Raises ``ReadError``."""
    (reading,) = reader.unpack(path, source)
    if isinstance(reading.outcome, ReadError):
        raise reading.outcome
    return reading.outcome


def unpacked(path: Path, password: str = "") -> dict[str, Document | str]:
    """What a file consists of, by member: a document, or what is wrong with it."""
    with ReaderProcess() as reader:
        readings = list(reader.unpack(path, path.name, password))
    return {
        each.member: each.outcome.problem if isinstance(each.outcome, ReadError) else each.outcome for each in readings
    }


def blocks(document: Document) -> list[tuple[str, str]]:
    return [(block.kind, document.text[block.start : block.end]) for block in document.blocks]


def word(fill: Any) -> bytes:  # noqa: ANN401  (a function of a docx.Document, which has no types)
    made = docx.Document()
    fill(made)
    out = BytesIO()
    made.save(out)
    return out.getvalue()
