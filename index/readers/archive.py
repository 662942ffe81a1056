"""Archives (zip, tar, and tar or a single file packed with gzip, bzip2 or xz) -> the files in them."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import PurePosixPath
from typing import IO, cast

from index.readers import format_named, suffix_of
from index.readers.members import Measured, Member, Readable, bounded, is_hidden, path_problem, plain_name
from index.readers.options import Options, wrong_password
from index.readers.parsed import Unreadable

_DAMAGE = (zipfile.BadZipFile, tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError, ValueError)
_ENCRYPTED = 1
_AES = 99
_GZIP, _BZIP2, _XZ = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00"
_PACKED_SUFFIXES = (".gz", ".bz2", ".xz")


def members(data: bytes, name: str, options: Options) -> Iterator[Member]:
    """Yield the members that a folder of them would give: files of known formats, none hidden.

    Links, devices, encrypted files and names that lead out of the archive come with the reason why they are not
    read. Raises ``Unreadable`` for a damaged archive, with the members before the damage yielded.
    """
    try:
        if data.startswith(b"PK"):
            yield from _zip_members(data, options)
        elif _holds_tar(_unpacked(data)):
            yield from _tar_members(Measured(_unpacked(data)), options)
        else:
            yield Member(_without_suffix(name), partial(_read, lambda: _unpacked(data), len(data)))
    except _DAMAGE as error:
        raise _damaged() from error


def _unpacked(data: bytes) -> Readable:
    """Return a stream of what is packed in ``data``, of ``data`` itself where nothing is."""
    file = io.BytesIO(data)
    if data.startswith(_GZIP):
        return gzip.GzipFile(fileobj=file)
    if data.startswith(_BZIP2):
        return bz2.BZ2File(file)
    return lzma.LZMAFile(file) if data.startswith(_XZ) else file


def _zip_members(data: bytes, options: Options) -> Iterator[Member]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        # What comes later under the same name is what unpacking would leave.
        for info in {info.filename: info for info in archive.infolist()}.values():
            kind = stat.S_IFMT(info.external_attr >> 16)
            problem = path_problem(info.filename)
            if stat.S_ISLNK(kind):
                problem = problem or _no_file("a link")
            elif kind and not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
                problem = problem or _no_file("a device")
            if not info.is_dir() and (problem or _is_wanted(info.filename)):
                yield _member(info.filename, problem, partial(_unzipped, archive, info, options))


def _unzipped(archive: zipfile.ZipFile, info: zipfile.ZipInfo, options: Options) -> bytes:
    encrypted = info.flag_bits & _ENCRYPTED
    if info.compress_type == _AES:
        raise Unreadable("is encrypted with a password, by AES.", "Unpack it and add the files in it.")
    if encrypted and not options.password:
        raise wrong_password(options)
    try:
        with archive.open(info, pwd=options.password.encode() if encrypted else None) as file:
            return bounded(file, info.compress_size)
    except NotImplementedError as error:
        raise Unreadable("is packed in a way that is not known.", "Pack it again as an ordinary zip.") from error
    except (RuntimeError, *_DAMAGE) as error:
        # One wrong password in 256 is only found out by the content.
        raise (wrong_password(options) if encrypted else _damaged()) from error


def _tar_members(file: Readable, options: Options) -> Iterator[Member]:
    """Go through a tar as a stream: what is packed is unpacked once, and never all of it at a time."""
    with tarfile.open(fileobj=cast(IO[bytes], file), mode="r|") as archive:
        for info in archive:
            # The list that tarfile keeps for itself would grow with the archive.
            options.alive()
            archive.members = []  # type: ignore[attr-defined]
            problem = path_problem(info.name)
            if info.issym() or info.islnk():
                problem = problem or (_no_file("a link") if _is_wanted(info.name) and suffix_of(info.name) else None)
            elif not info.isfile() and not info.isdir():
                problem = problem or _no_file("a pipe or a device")
            if problem or (info.isfile() and _is_wanted(info.name)):
                yield _member(info.name, problem, partial(_read, partial(_extracted, archive, info)))


def _extracted(archive: tarfile.TarFile, info: tarfile.TarInfo) -> Readable:
    file = archive.extractfile(info)
    if file is None:
        raise _damaged()
    return file


def _member(name: str, problem: Unreadable | None, content: Callable[[], bytes]) -> Member:
    plain = plain_name(name) or "?"
    return Member(plain, partial(_refuse, problem) if problem else content, is_promised=bool(suffix_of(plain)))


def _refuse(problem: Unreadable) -> bytes:
    raise problem


def _read(opened: Callable[[], Readable], packed: int | None = None) -> bytes:
    try:
        return bounded(opened(), packed)
    except _DAMAGE as error:
        raise _damaged() from error


def _holds_tar(file: Readable) -> bool:
    return file.read(262)[257:] == b"ustar"


def _is_wanted(name: str) -> bool:
    return not is_hidden(name) and (format_named(name) is not None or not suffix_of(name))


def _without_suffix(name: str) -> str:
    """Return what a single packed file is called: ``notes.txt`` of ``notes.txt.gz``."""
    path = PurePosixPath(name)
    return path.stem if path.suffix.lower() in _PACKED_SUFFIXES else path.name


def _no_file(kind: str) -> Unreadable:
    return Unreadable(f"is {kind}, not a file.", "Pack the file itself.")


def _damaged() -> Unreadable:
    return Unreadable("is damaged, or cut off.", "Pack it again, or fetch it again.")
