"""The files of public sets: JSON and JSON lines, compressed or not."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from index.errors import InputError


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read a file of JSON lines, compressed or not. Raises ``InputError`` if it is not there."""
    return [json.loads(line) for line in _open(path).split("\n") if line]


def read_json(path: Path) -> Any:  # noqa: ANN401  # JSON
    """Read a JSON file, compressed or not. Raises ``InputError`` if it is not there."""
    return json.loads(_open(path))


def _open(path: Path) -> str:
    if not path.exists():
        raise InputError(f"{path} is not there.", f"See {path.parent / 'README.md'} for where it comes from.")
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8")
