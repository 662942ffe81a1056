"""Files -> documents. Every file is untrusted; whatever is wrong with it becomes a ``ReadError``."""

from __future__ import annotations

import hashlib
import re
import stat
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path, PurePath
from typing import Literal

from index.errors import ReadError
from index.readers.kinds import ONLY_CONTAINERS, Format, detect, may_only_hold_others
from index.readers.options import Options
from index.readers.parsed import Parsed, Unreadable, assemble, clean
from index.readers.titles import title_of
from index.types import Document

SUFFIXES: Mapping[str, Format] = {
    ".txt": "text",
    ".text": "text",
    ".rst": "rst",
    ".org": "org",
    ".adoc": "adoc",
    ".asciidoc": "adoc",
    ".tex": "tex",
    ".log": "lines",
    ".xml": "xml",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".pdf": "pdf",
    ".docx": "docx",
    ".doc": "doc",
    ".xls": "xls",
    ".ppt": "ppt",
    ".pps": "ppt",
    ".eml": "eml",
    ".mht": "eml",
    ".mhtml": "eml",
    ".msg": "msg",
    ".mbox": "mbox",
    ".zip": "archive",
    ".tar": "archive",
    ".tgz": "archive",
    ".gz": "archive",
    ".bz2": "archive",
    ".xz": "archive",
    ".docm": "docx",
    ".pptx": "pptx",
    ".pptm": "pptx",
    ".ppsx": "pptx",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".ipynb": "ipynb",
    ".srt": "subtitles",
    ".vtt": "subtitles",
    ".rtf": "rtf",
    ".odt": "odt",
    ".ods": "ods",
    ".odp": "odp",
    ".epub": "epub",
}
"""The formats that a folder is searched for, by suffix (lower case)."""

_PRESENTATIONS: frozenset[Format | None] = frozenset({"pptx", "ppt", "odp"})

_SETTINGS = frozenset((".yaml", ".yml", ".toml", ".ini", ".cfg", ".conf", ".properties"))
"""Read line by line when such a file is named; in a folder they belong to a program rather than to the documents."""

_SUFFIX = re.compile(r"\.[a-z][\w+-]{0,9}", re.IGNORECASE)

MAX_BYTES = 64 * 2**20
MAX_CONTAINER_BYTES = 512 * 2**20
"""What only holds other files may have more bytes than they."""

_PACKED = (".gz", ".bz2", ".xz")
_START = 2**16
_TAKE_OPTIONS: frozenset[Format] = frozenset({"pdf"})


def suffix_of(name: str | PurePath) -> str:
    """Return a name's suffix in lower case, empty where what follows the last dot is none (``Notes 3.12``)."""
    suffix = PurePath(name).suffix
    return suffix.lower() if _SUFFIX.fullmatch(suffix) else ""


def format_named(name: str | PurePath) -> Format | None:
    """Return what a file's name promises; of a packed file, what is in it has to be readable too."""
    path = PurePath(name)
    suffix = path.suffix.lower()
    if suffix in _PACKED and PurePath(path.stem).suffix.lower() not in SUFFIXES:
        return None
    return SUFFIXES.get(suffix)


def part_named(name: str | PurePath) -> Literal["page", "slide"]:
    """Return what the pages of a document are called by people, by the name of its file."""
    return "slide" if format_named(name) in _PRESENTATIONS else "page"


def read(path: Path, source: str, max_bytes: int = MAX_BYTES) -> Document:
    """Read the file at ``path``, known to people as ``source``, in this process; what lies in it is left out.

    What the bytes are goes before what the name says: a PDF called ``report.txt`` is read as a PDF. Hostile files can
    hang or crash a parser: ``worker.ReaderProcess`` confines them. Raises ``ReadError``.
    """
    data = content(path, source, max_bytes)
    try:
        kind = kind_of(data, path, max_bytes)
    except Unreadable as verdict:
        raise read_error(verdict, source) from None
    return document(data, kind, source, Options())


def kind_of(data: bytes, path: Path, max_bytes: int) -> Format:
    """Return what the file at ``path`` is. Raises ``Unreadable``, also for a document with more than ``max_bytes``."""
    named = format_named(path) or ("lines" if suffix_of(path) in _SETTINGS else None)
    kind = detect(data, named)
    if kind not in ONLY_CONTAINERS and len(data) > max_bytes:
        raise Unreadable(f"has more than {max_bytes / 2**20:.0f} MiB.", "Split it into smaller files.")
    return kind


def document(data: bytes, kind: Format, source: str, options: Options) -> Document:
    """Return the document that ``data``, of format ``kind``, is by itself. Raises ``ReadError``."""
    try:
        if kind in ONLY_CONTAINERS:
            raise Unreadable("holds other files and no text of its own.", "Name a file in it.")
        parse = import_module(f"index.readers.{kind}").parse
        parsed: Parsed = parse(data, options) if kind in _TAKE_OPTIONS else parse(data)
        title = title_of(parsed, source)
        metadata = {**parsed.metadata, "format": kind}
        found = assemble(replace(parsed, title=title, metadata=metadata), hashlib.sha256(data).hexdigest()[:16], source)
    except Exception as error:
        raise read_error(error, source) from error
    if not found.blocks:
        raise ReadError(f"{source} holds no text.", "Remove it, or export it again with its text.")
    return found


def read_error(error: Exception, source: str) -> ReadError:
    """Return what went wrong with ``source`` in words."""
    if isinstance(error, ReadError):
        return error
    if isinstance(error, Unreadable):
        return ReadError(f"{source} {error.predicate}", error.remedy)
    if isinstance(error, MemoryError):
        return ReadError(f"{source} needs more memory to read than is allowed.", "Split it into smaller files.")
    if isinstance(error, RecursionError):
        return ReadError(f"{source} is nested too deeply to read.", "Save it in a simpler form.")
    detail = clean(str(error))[:200]
    return ReadError(
        f"{source} is damaged: {type(error).__name__}: {detail}.",
        "Open it in the program that made it and save it again.",
    )


def content(path: Path, source: str, max_bytes: int) -> bytes:
    """Return the content of a regular file of at most ``max_bytes``, more where it may only hold other files.

    Raises ``ReadError``.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe or a device"
            raise ReadError(f"{source} is {kind}, not a file.", "Name the files to add.")
        with path.open("rb") as file:
            if may_only_hold_others(file.read(_START)):
                max_bytes = max(max_bytes, MAX_CONTAINER_BYTES)
            if status.st_size > max_bytes:
                raise _too_large(source, status.st_size, max_bytes)
            file.seek(0)
            data = file.read(status.st_size + 1)
    except FileNotFoundError:
        problem = "is a link to a file that does not exist." if path.is_symlink() else "does not exist."
        raise ReadError(f"{source} {problem}", "Check the name.") from None
    except OSError as error:
        raise ReadError(f"{source} cannot be opened: {error.strerror}.", "Check its permissions.") from None
    if len(data) > status.st_size:
        raise ReadError(f"{source} grows while it is read.", "Add it when it is complete.")
    if not data.strip():
        raise ReadError(f"{source} is empty.", "Remove it, or add it when it has content.")
    return data


def _too_large(source: str, size: int, limit: int) -> ReadError:
    problem = f"{source} has {size / 2**20:.0f} MiB; at most {limit / 2**20:.0f} MiB are read."
    return ReadError(problem, "Split it into smaller files.")
