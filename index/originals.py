"""The files that documents came from, kept by their digest where every host reaches them: a folder or an object store.

Without it a file is looked for where it was when it was indexed, on this host. The index needs none of them: it holds
the text of each document. They are for those who want to see a page as it is.
"""

from __future__ import annotations

import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index.errors import InputError, StoreUnavailable
from index.files import digest_of

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

KEPT_S = 600.0
"""Seconds that a copy stays on this host after it was last fetched: what is removed from the index goes here, too."""
_OBJECT_STORES = ("s3", "gs", "az")
"""Addresses that go through obstore, whose settings are those of its providers (``AWS_ENDPOINT_URL`` and the like)."""


class Originals:
    """Files by the SHA-256 of their bytes. Thread-safe; any number of processes may use one place."""

    def __init__(self, url: str) -> None:
        """``url`` is what fsspec opens: ``file:///srv/originals``, ``s3://bucket/originals``.

        Raises:
            InputError: there is no such kind of place, or its packages are not installed.
        """
        self._url = url
        self._file_system, self._root = _opened(url)
        self._copies = tempfile.TemporaryDirectory(prefix="citechat-originals-")

    def keep(self, path: Path, digest: str) -> None:
        """Copy a file there, unless it is there already; whoever looks meanwhile sees nothing, or the whole.

        One that is gone again by now is left out: it will be found to be.

        Raises:
            StoreUnavailable: the place is not there, is full, or lets nobody write.
        """
        place = self._place(digest)
        with self._told("keep a file in"):
            if self._file_system.exists(place) or not path.is_file():
                return
            self._file_system.makedirs(self._parent(digest), exist_ok=True)
            unfinished = f"{place}.{uuid.uuid4().hex}"
            try:
                self._file_system.put_file(str(path), unfinished)
                self._file_system.mv(unfinished, place)
            except BaseException:
                with suppress(Exception):  # the first error is the one to tell
                    self._file_system.rm_file(unfinished)
                raise

    def fetch(self, digest: str) -> Path | None:
        """Return a copy of a file on this host; ``None`` if it is not there, or is not what it was.

        The copy may be gone after `KEPT_S`.

        Raises:
            StoreUnavailable: the place is not there, or lets nobody read.
        """
        folder = Path(self._copies.name)
        for old in folder.iterdir():
            with suppress(OSError):  # another thread was faster
                if old.stat().st_mtime < time.time() - KEPT_S:
                    old.unlink()
        copy = folder / digest
        if copy.is_file():
            with suppress(OSError):
                copy.touch()
                return copy
        fresh = folder / f"{digest}.{uuid.uuid4().hex}"
        with self._told("read a file in"):
            if not self._file_system.exists(self._place(digest)):
                return None
            self._file_system.get_file(self._place(digest), str(fresh))
        if digest_of(fresh) != digest:
            fresh.unlink()
            return None
        fresh.replace(copy)
        return copy

    def drop(self, digests: Iterable[str]) -> None:
        """Remove files; those that are not there are removed already.

        Raises:
            StoreUnavailable: the place is not there, or lets nobody write.
        """
        for digest in digests:
            (Path(self._copies.name) / digest).unlink(missing_ok=True)
            with self._told("remove a file in"), suppress(FileNotFoundError):
                self._file_system.rm_file(self._place(digest))

    def close(self) -> None:
        """Remove the copies on this host."""
        self._copies.cleanup()

    def _parent(self, digest: str) -> str:
        return f"{self._root}/{digest[:2]}"

    def _place(self, digest: str) -> str:
        return f"{self._parent(digest)}/{digest}"

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if isinstance(error, FileNotFoundError) and what.startswith("remove"):
                raise
            raise StoreUnavailable(
                f"Cannot {what} {self._url}: {str(error).strip().splitlines()[0] if str(error) else error!r}.",
                "Check the place, its space and your rights there (setting originals).",
            ) from error


def _opened(url: str) -> tuple[AbstractFileSystem, str]:
    from fsspec.core import url_to_fs

    try:
        if url.startswith(tuple(f"{protocol}://" for protocol in _OBJECT_STORES)):
            from obstore.fsspec import register

            register(url.partition(":")[0])
        opened: tuple[Any, str] = url_to_fs(url)
    except ImportError as error:
        raise InputError(
            f"Originals in {url} need a package that is not installed ({error.name or error}).",
            "For s3://, gs:// and az:// run: pip install 'citechat[objects]'",
        ) from error
    except ValueError as error:
        raise InputError(
            f"Originals cannot be kept in {url}: {error}.", "Write file:///FOLDER or s3://BUCKET/FOLDER."
        ) from error
    return opened[0], opened[1].rstrip("/")
