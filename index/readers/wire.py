"""What goes between ``worker`` and its child: length-prefixed JSON, so that a subverted child can only send text.

The child answers a request with any number of messages: ``began`` a member, then its document or the reason why there
is none; and ``end``.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from index.errors import ReadError
from index.types import Block, Document, Page

_LENGTH = struct.Struct(">Q")
_LARGEST = 2**30


@dataclass(frozen=True, slots=True)
class Request:
    """What to read. ``answered`` members need no second answer, ``fatal`` ones are not to be touched again."""

    path: Path
    source: str
    password: str = field(default="", repr=False)
    answered: set[str] = field(default_factory=set)
    fatal: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a member (``""``: the file itself); without an outcome, it was only begun."""

    member: str
    outcome: Document | ReadError | None = None


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


def packed_request(request: Request) -> bytes:
    """Pack what to read; names may hold bytes that are no UTF-8."""
    fields = {
        "path": str(request.path.absolute()),
        "source": request.source,
        "password": request.password,
        "answered": list(request.answered),
        "fatal": list(request.fatal),
    }
    return json.dumps(fields).encode()


def requested(message: bytes) -> Request:
    """Unpack a request."""
    fields: dict[str, Any] = json.loads(message)
    return Request(
        Path(fields["path"]),
        fields["source"],
        fields["password"],
        set(fields["answered"]),
        set(fields["fatal"]),
    )


def packed_reply(reply: Reply | None) -> bytes:
    """Pack what became of a member; ``None`` is the end of the file."""
    if reply is None:
        return b"{}"
    outcome = reply.outcome
    fields: dict[str, object] = {"member": reply.member}
    if isinstance(outcome, ReadError):
        fields |= {"problem": outcome.problem, "remedy": outcome.remedy}
    elif outcome is not None:
        fields |= {
            "id": outcome.id,
            "source": outcome.source,
            "title": outcome.title,
            "text": outcome.text,
            "metadata": dict(outcome.metadata),
            "pages": [(page.number, page.start, page.end) for page in outcome.pages],
            "blocks": [(block.kind, block.start, block.end, block.level) for block in outcome.blocks],
        }
    return json.dumps(fields).encode()


def replied(message: bytes) -> Reply | None:
    """Unpack a reply, ``None`` at the end of the file."""
    fields: dict[str, Any] = json.loads(message)
    if not fields:
        return None
    member: str = fields["member"]
    if "problem" in fields:
        return Reply(member, ReadError(fields["problem"], fields["remedy"]))
    if "text" not in fields:
        return Reply(member)
    document = Document(
        id=fields["id"],
        source=fields["source"],
        title=fields["title"],
        text=fields["text"],
        metadata=fields["metadata"],
        pages=tuple(Page(*page) for page in fields["pages"]),
        blocks=tuple(Block(*block) for block in fields["blocks"]),
    )
    return Reply(member, document)
