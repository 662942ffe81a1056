"""What goes between ``worker`` and its child: length-prefixed JSON, so that a subverted child can only send text."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import IO, Any

from index.errors import ReadError
from index.types import Block, Document, Page

_LENGTH = struct.Struct(">Q")
_LARGEST = 2**30


def send(pipe: IO[bytes], message: bytes) -> None:
    """Write one message."""
    pipe.write(_LENGTH.pack(len(message)) + message)
    pipe.flush()


def receive(pipe: IO[bytes]) -> bytes | None:
    """Return the next message, ``None`` at the end of the pipe, even in the middle of a message."""
    prefix = pipe.read(_LENGTH.size)
    if len(prefix) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(prefix)
    message = pipe.read(length) if length <= _LARGEST else b""
    return message if len(message) == length else None


def request(path: Path, source: str) -> bytes:
    """Pack what to read; names may hold bytes that are no UTF-8."""
    return json.dumps([str(path.absolute()), source]).encode()


def requested(message: bytes) -> tuple[Path, str]:
    """Unpack a request."""
    path, source = json.loads(message)
    return Path(path), source


def answer(outcome: Document | ReadError) -> bytes:
    """Pack a document, or why there is none."""
    if isinstance(outcome, ReadError):
        return json.dumps({"problem": outcome.problem, "remedy": outcome.remedy}).encode()
    fields = {
        "id": outcome.id,
        "source": outcome.source,
        "title": outcome.title,
        "text": outcome.text,
        "metadata": dict(outcome.metadata),
        "pages": [(page.number, page.start, page.end) for page in outcome.pages],
        "blocks": [(block.kind, block.start, block.end, block.level) for block in outcome.blocks],
    }
    return json.dumps(fields).encode()


def document(message: bytes) -> Document:
    """Unpack an answer. Raises the ``ReadError`` that it holds."""
    fields: dict[str, Any] = json.loads(message)
    if "problem" in fields:
        raise ReadError(fields["problem"], fields["remedy"])
    return Document(
        id=fields["id"],
        source=fields["source"],
        title=fields["title"],
        text=fields["text"],
        metadata=fields["metadata"],
        pages=tuple(Page(*page) for page in fields["pages"]),
        blocks=tuple(Block(*block) for block in fields["blocks"]),
    )
