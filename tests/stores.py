"""The places where a store can be, for tests that hold for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from index.store.base import Store
from index.store.opening import open_store
from tests.embedding import HashingEmbedder

KINDS = ("embedded", "postgres")

both = pytest.mark.parametrize("place", KINDS, indirect=True)
"""Runs a test on each store; its fixture ``store`` follows ``place``."""


@dataclass(frozen=True, slots=True)
class Place:
    """A folder, or a schema of a database."""

    folder: Path
    url: str = ""
    schema: str = "citechat"

    def open(self, fingerprint: str = "hashing", dimension: int = HashingEmbedder().dimension) -> Store:
        """Open the store there, or make it."""
        return open_store(self.folder, self.url, self.schema, fingerprint, dimension)

    @property
    def settings(self) -> dict[str, str]:
        """The variables that set it."""
        return {"CITECHAT_STORE": self.url, "CITECHAT_STORE_SCHEMA": self.schema}

    @property
    def arguments(self) -> tuple[str, str, str]:
        """What a program is given, for `Place.of` to read."""
        return str(self.folder), self.url, self.schema

    @property
    def shown(self) -> str:
        """What messages call it."""
        return f"postgresql://{self.url.split('@')[1]}" if self.url else str(self.folder)

    @classmethod
    def of(cls, folder: str, url: str, schema: str) -> Place:
        """Read the arguments of a program."""
        return cls(Path(folder), url, schema)
