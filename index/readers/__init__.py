"""Files -> documents. Every file is untrusted; whatever is wrong with it becomes a ``ReadError``."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from index.errors import ReadError
from index.readers.kinds import Format, detect
from index.readers.parsed import Parsed, Unreadable, assemble, clean
from index.readers.titles import title_of
from index.types import Document

SUFFIXES: Mapping[str, Format] = {
    ".txt": "text",
    ".text": "text",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".pdf": "pdf",
    ".docx": "docx",
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
"""The formats that are read, by file name (lower case)."""

MAX_BYTES = 64 * 2**20


def read(path: Path, source: str, max_bytes: int = MAX_BYTES) -> Document:
    """Read the file at ``path``, known to people as ``source``, in this process.

    What the bytes are goes before what the name says: a PDF called ``report.txt`` is read as a PDF. Hostile files can
    hang or crash a parser: ``worker.ReaderProcess`` confines them. Raises ``ReadError``.
    """
    data = _bytes(path, source, max_bytes)
    try:
        kind = detect(data, SUFFIXES.get(path.suffix.lower()))
        parse: Callable[[bytes], Parsed] = import_module(f"index.readers.{kind}").parse
        parsed = parse(data)
        title = title_of(parsed, source)
        metadata = {**parsed.metadata, "format": kind}
        document = assemble(
            replace(parsed, title=title, metadata=metadata), hashlib.sha256(data).hexdigest()[:16], source
        )
    except Unreadable as verdict:
        raise ReadError(f"{source} {verdict.predicate}", verdict.remedy) from None
    except MemoryError:
        raise ReadError(
            f"{source} needs more memory to read than is allowed.", "Split it into smaller files."
        ) from None
    except RecursionError:
        raise ReadError(f"{source} is nested too deeply to read.", "Save it in a simpler form.") from None
    except Exception as error:
        detail = clean(str(error))[:200]
        raise ReadError(
            f"{source} is damaged: {type(error).__name__}: {detail}.",
            "Open it in the program that made it and save it again.",
        ) from error
    if not document.blocks:
        raise ReadError(f"{source} holds no text.", "Remove it, or export it again with its text.")
    return document


def _bytes(path: Path, source: str, max_bytes: int) -> bytes:
    """Return the content of a regular file of at most ``max_bytes``."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe or a device"
            raise ReadError(f"{source} is {kind}, not a file.", "Name the files to add.")
        if status.st_size > max_bytes:
            raise ReadError(
                f"{source} has {status.st_size / 2**20:.0f} MiB; at most {max_bytes / 2**20:.0f} MiB are read.",
                "Split it into smaller files.",
            )
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except FileNotFoundError:
        problem = "is a link to a file that does not exist." if path.is_symlink() else "does not exist."
        raise ReadError(f"{source} {problem}", "Check the name.") from None
    except OSError as error:
        raise ReadError(f"{source} cannot be opened: {error.strerror}.", "Check its permissions.") from None
    if len(data) > max_bytes:
        raise ReadError(f"{source} grows while it is read.", "Add it when it is complete.")
    if not data.strip():
        raise ReadError(f"{source} is empty.", "Remove it, or add it when it has content.")
    return data
