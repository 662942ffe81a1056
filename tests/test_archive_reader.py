from __future__ import annotations

import bz2
import gzip
import io
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import index.readers.members
import index.readers.unpack
from index.errors import ReadError
from index.readers.members import MAX_DEPTH, Budget, Measured, TooMuch, bounded
from index.readers.options import Options
from index.readers.parsed import Unreadable
from index.readers.worker import ReaderProcess
from index.types import Document
from tests.files import archive
from tests.ole import BODY, FILE_NAME, SUBJECT, compound, message
from tests.reading import LONG, OTHER, unpacked
from tests.test_mail_reader import letter

NOTES = {"a.txt": LONG.encode(), "in/b.md": f"# Rules\n\n{OTHER}".encode()}


def encrypted(name: str, data: bytes, password: bytes) -> bytes:
    """A zip with one member, encrypted as PKWARE's zip does it (there is nothing in Python that writes such)."""
    table = [_crc(number) for number in range(256)]
    keys = [0x12345678, 0x23456789, 0x34567890]

    def update(byte: int) -> None:
        keys[0] = keys[0] >> 8 ^ table[(keys[0] ^ byte) & 0xFF]
        keys[1] = ((keys[1] + (keys[0] & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = keys[2] >> 8 ^ table[(keys[2] ^ keys[1] >> 24) & 0xFF]

    for byte in password:
        update(byte)
    checksum = zlib.crc32(data)
    secret = bytearray()
    for byte in bytes(11) + bytes([checksum >> 24]) + data:
        key = keys[2] & 0xFFFF | 2
        secret.append(byte ^ (key * (key ^ 1) >> 8 & 0xFF))
        update(byte)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as made:
        made.writestr(name, bytes(secret))
    packed = bytearray(out.getvalue())
    for mark, flags, sizes in ((b"PK\x03\x04", 6, 14), (b"PK\x01\x02", 8, 16)):
        at = packed.index(mark)
        packed[at + flags] |= 1
        packed[at + sizes : at + sizes + 4] = checksum.to_bytes(4, "little")
        packed[at + sizes + 8 : at + sizes + 12] = len(data).to_bytes(4, "little")
    return bytes(packed)


def _crc(number: int) -> int:
    for _ in range(8):
        number = number >> 1 ^ (0xEDB88320 if number & 1 else 0)
    return number


def tar(members: dict[str, bytes], mode: str = "w", special: Sequence[tuple[str, bytes, str]] = ()) -> bytes:
    """A tar with these files, and with ``special`` members: name, type, what it links to."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as made:  # type: ignore[call-overload]
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            made.addfile(info, io.BytesIO(data))
        for name, kind, link in special:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, link
            made.addfile(info)
    return out.getvalue()


def unpack(tmp_path: Path, name: str, data: bytes, password: str = "") -> dict[str, Document | str]:
    path = tmp_path / name
    path.write_bytes(data)
    return unpacked(path, password)


def texts(found: dict[str, Document | str]) -> dict[str, str]:
    return {member: each.text if isinstance(each, Document) else each for member, each in found.items()}


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.zip", archive(NOTES)),
        ("a.tar", tar(NOTES)),
        ("a.tgz", tar(NOTES, "w:gz")),
        ("a.tar.bz2", tar(NOTES, "w:bz2")),
        ("a.tar.xz", tar(NOTES, "w:xz")),
        ("whatever.txt", tar(NOTES, "w:gz")),
    ],
)
def test_each_file_in_an_archive_is_a_document(tmp_path: Path, name: str, data: bytes) -> None:
    found = unpack(tmp_path, name, data)
    assert texts(found) == {"a.txt": LONG, "in/b.md": f"Rules\n\n{OTHER}"}
    assert {member: each.source for member, each in found.items() if isinstance(each, Document)} == {
        "a.txt": f"{name}/a.txt",
        "in/b.md": f"{name}/in/b.md",
    }


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)])
def test_a_single_packed_file(tmp_path: Path, suffix: str, pack: object) -> None:
    assert callable(pack)
    assert texts(unpack(tmp_path, f"notes.txt{suffix}", pack(LONG.encode()))) == {"notes.txt": LONG}


def test_what_a_folder_would_not_give_is_left_out(tmp_path: Path) -> None:
    extra = {"logo.png": b"x", ".git/c.txt": b"x", "__MACOSX/a.txt": b"x", "dump.sql.gz": b"x", "empty/": b""}
    assert list(unpack(tmp_path, "a.zip", archive({**NOTES, **extra}))) == ["a.txt", "in/b.md"]
    assert texts(unpack(tmp_path, "b.zip", archive(extra))) == {"": "b.zip holds nothing that can be read."}


def test_files_without_a_suffix_are_known_by_their_content(tmp_path: Path) -> None:
    files = {"in/LICENSE": LONG.encode(), "Makefile": b"all: a.o\n\tcc -o all a.o\n", "core": bytes(range(256))}
    for pack in (archive, tar):
        assert texts(unpack(tmp_path, "a.zip", pack(files))) == {"in/LICENSE": LONG}
        del files["in/LICENSE"]
        assert texts(unpack(tmp_path, "b.zip", pack(files))) == {"": "b.zip holds nothing that can be read."}
        files["in/LICENSE"] = LONG.encode()


def test_folders_that_are_called_as_those_of_office_files_are(tmp_path: Path) -> None:
    data = archive({"word/a.txt": LONG.encode(), "xl/b.txt": OTHER.encode()})
    assert texts(unpack(tmp_path, "a.zip", data)) == {"word/a.txt": LONG, "xl/b.txt": OTHER}


@pytest.mark.parametrize("pack", [archive, tar])
def test_an_archive_that_begins_with_a_pdf(tmp_path: Path, pack: Callable[[dict[str, bytes]], bytes]) -> None:
    packed = pack({"plan.pdf": b"%PDF-1.7 and nothing", "notes.txt": b"A PDF file begins with %PDF- and a version."})
    found = unpack(tmp_path, "all", packed)
    assert "damaged PDF" in str(found.pop("plan.pdf"))
    assert texts(found) == {"notes.txt": "A PDF file begins with %PDF- and a version."}


def test_an_archive_may_be_larger_than_a_document(tmp_path: Path) -> None:
    path, other = tmp_path / "a.tar", tmp_path / "b.txt"
    path.write_bytes(tar(NOTES))
    other.write_bytes(bytes(5000))
    with ReaderProcess(max_bytes=1000) as reader:
        assert [each.member for each in reader.unpack(path, "a.tar") if isinstance(each.outcome, Document)] == [*NOTES]
        (reading,) = reader.unpack(other, "b.txt")
    assert "at most 0 MiB are read" in str(reading.outcome)


@pytest.mark.parametrize(
    ("budget", "reason"),
    [
        (Budget(members=3), "a.zip holds more than 100000 files; the rest is left out."),
        (Budget(total=300), "a.zip unpacks to more than 1024 MiB; the rest is left out."),
    ],
)
def test_past_the_bounds_the_rest_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, budget: Budget, reason: str
) -> None:
    monkeypatch.setattr(index.readers.unpack, "Budget", lambda: budget)
    path = tmp_path / "a.zip"
    path.write_bytes(archive({"a.txt": LONG.encode(), "in.zip": archive({"b.txt": OTHER.encode()} | NOTES), **NOTES}))
    pieces = list(index.readers.unpack.unpack(path, "a.zip", Options()))
    assert pieces[0].read().text == LONG
    with pytest.raises(ReadError, match=reason):
        pieces[-1].read()
    assert len(pieces) < 5


WHOLE = {
    "a.zip": archive({**NOTES, "in.tgz": tar(NOTES, "w:gz")}),
    "a.tar": tar(NOTES, special=[("link.txt", tarfile.SYMTYPE, "a.txt")]),
    "a.txt.xz": lzma.compress(LONG.encode()),
    "a.eml": letter(LONG, "Budget").as_bytes(),
    "a.mbox": b"From a@example.org Tue Mar  5 23:30:00 2024\n" + letter(LONG).as_bytes() + b"\n\n",
    "a.msg": compound(message({SUBJECT: "Budget", BODY: LONG}, [message({FILE_NAME: "a.txt"}, x3701=b"abc")])),
}


@given(st.sampled_from(sorted(WHOLE)), st.lists(st.tuples(st.integers(0, 2**16), st.binary(max_size=9)), max_size=9))
@settings(max_examples=150, deadline=None)
def test_whatever_is_damaged_gives_documents_or_reasons(
    tmp_path_factory: pytest.TempPathFactory, name: str, changes: list[tuple[int, bytes]]
) -> None:
    data = bytearray(WHOLE[name])
    for at, new in changes:
        at %= len(data)
        data[at : at + len(new)] = new
    path = tmp_path_factory.mktemp("any") / name
    path.write_bytes(data or b"x")
    pieces = 0
    for piece in index.readers.unpack.unpack(path, name, Options()):
        pieces += 1
        with suppress(ReadError):
            assert piece.read().blocks
    assert pieces


def test_archives_in_archives_down_to_a_depth(tmp_path: Path) -> None:
    data = archive({"deep.txt": OTHER.encode()})
    for number in range(MAX_DEPTH):
        data = archive({f"{number}.txt": f"{LONG} {number}".encode(), f"{number}.zip": data})
    found = texts(unpack(tmp_path, "a.zip", data))
    assert found["3.zip/2.zip/1.txt"] == f"{LONG} 1"
    assert found["3.zip/2.zip/1.zip/0.txt"] == f"{LONG} 0"
    assert "lies in 4 other files" in found["3.zip/2.zip/1.zip/0.zip"]
    assert OTHER not in found.values()


def test_tricks_with_paths_and_what_is_no_file(tmp_path: Path) -> None:
    special = [
        ("link.txt", tarfile.SYMTYPE, "/etc/passwd"),
        ("hard.txt", tarfile.LNKTYPE, "a.txt"),
        ("zero", tarfile.CHRTYPE, ""),
        ("pipe.txt", tarfile.FIFOTYPE, ""),
        ("program", tarfile.SYMTYPE, "elsewhere"),
    ]
    outside = {"../up.txt": b"x", "/etc/motd.txt": b"x", "in/../../up.md": b"x", "C:\\boot.txt": b"x"}
    found = texts(unpack(tmp_path, "a.tar", tar({**NOTES, **outside}, special=special)))
    leads_out = "has a path that leads out of the archive."
    assert found.pop("a.txt") == LONG
    assert found.pop("in/b.md").endswith(OTHER)
    assert found == {
        "../up.txt": f"a.tar/../up.txt {leads_out}",
        "etc/motd.txt": f"a.tar/etc/motd.txt {leads_out}",
        "in/../../up.md": f"a.tar/in/../../up.md {leads_out}",
        "C:/boot.txt": f"a.tar/C:/boot.txt {leads_out}",
        "link.txt": "a.tar/link.txt is a link, not a file.",
        "hard.txt": "a.tar/hard.txt is a link, not a file.",
        "zero": "a.tar/zero is a pipe or a device, not a file.",
        "pipe.txt": "a.tar/pipe.txt is a pipe or a device, not a file.",
    }


def test_links_and_tricks_in_zips(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        link = zipfile.ZipInfo("link.txt")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        made.writestr(link, "/etc/passwd")
        made.writestr("../up.txt", "x")
        made.writestr("a.txt", LONG)
    assert texts(unpack(tmp_path, "a.zip", out.getvalue())) == {
        "link.txt": "a.zip/link.txt is a link, not a file.",
        "../up.txt": "a.zip/../up.txt has a path that leads out of the archive.",
        "a.txt": LONG,
    }


def test_encrypted_members(tmp_path: Path) -> None:
    data = archive({"secret.zip": encrypted("a.txt", LONG.encode(), b"sesame"), "b.txt": OTHER.encode()})
    problem = "a.zip/secret.zip/a.txt is encrypted with a password"
    assert texts(unpack(tmp_path, "a.zip", data)) == {"secret.zip/a.txt": f"{problem}.", "b.txt": OTHER}
    wrong = {"secret.zip/a.txt": f"{problem} other than the one given.", "b.txt": OTHER}
    assert texts(unpack(tmp_path, "a.zip", data, "guess")) == wrong
    assert texts(unpack(tmp_path, "a.zip", data, "sesame")) == {"secret.zip/a.txt": LONG, "b.txt": OTHER}


def test_the_last_of_equal_names_counts_in_a_zip(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("a.txt", LONG)
        with pytest.warns(UserWarning, match="Duplicate name"):
            made.writestr("a.txt", OTHER)
    assert texts(unpack(tmp_path, "a.zip", out.getvalue())) == {"a.txt": OTHER}


def test_bombs_and_damage_fail_alone(tmp_path: Path) -> None:
    data = archive({"bomb.txt": bytes(20 * 2**20), **NOTES, "broken.zip": b"PK\x03\x04 no", "empty.txt": b" "})
    found = texts(unpack(tmp_path, "a.zip", data))
    assert found.pop("a.txt") == LONG
    assert found.pop("in/b.md").endswith(OTHER)
    assert found == {
        "bomb.txt": "a.zip/bomb.txt unpacks to more than 200 times its size.",
        "broken.zip": "a.zip/broken.zip is a damaged archive or office file.",
        "empty.txt": "a.zip/empty.txt is empty.",
    }


def test_an_archive_that_is_cut_off_gives_what_comes_before(tmp_path: Path) -> None:
    data = tar({"a.txt": LONG.encode(), "b.txt": OTHER.encode() * 500})
    found = texts(unpack(tmp_path, "a.tar", data[:3000]))
    assert found["a.txt"] == LONG
    assert found["b.txt"] == "a.tar/b.txt is damaged, or cut off."


def test_a_wrong_checksum_fails_alone(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as made:
        made.writestr("a.txt", LONG)
        made.writestr("b.txt", OTHER)
    found = texts(unpack(tmp_path, "a.zip", out.getvalue().replace(LONG.encode(), LONG.upper().encode())))
    assert found == {"a.txt": "a.zip/a.txt is damaged, or cut off.", "b.txt": OTHER}


def test_a_member_that_hangs_or_crashes_its_reader_fails_alone(tmp_path: Path) -> None:
    slow = ("[" * 300_000 + " x").encode()
    path = tmp_path / "a.zip"
    path.write_bytes(archive({"a.txt": LONG.encode(), "slow.md": slow, "in.zip": archive({"slow.md": slow, **NOTES})}))
    with ReaderProcess(seconds=3.0) as reader:
        found = {each.member: str(each.outcome) for each in reader.unpack(path, "a.zip")}
    assert list(found) == ["a.txt", "slow.md", "in.zip/slow.md", "in.zip/a.txt", "in.zip/in/b.md"]
    assert found["in.zip/slow.md"].startswith("a.zip/in.zip/slow.md took longer than 3 s to read.")


def test_the_bounds_on_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    budget = Budget(members=2, total=10)
    budget.count()
    budget.spend(10)
    budget.count()
    for step in (budget.count, lambda: budget.spend(1)):
        with pytest.raises(TooMuch, match="the rest is left out"):
            step()
    monkeypatch.setattr(index.readers.members, "MAX_TOTAL_BYTES", 2**20)
    measured = Measured(io.BytesIO(bytes(3 * 2**20)))
    with pytest.raises(TooMuch):
        bounded(measured)
    monkeypatch.setattr(index.readers.members, "MAX_MEMBER_BYTES", 2**20)
    with pytest.raises(Unreadable, match="unpacks to more than 1 MiB"):
        bounded(io.BytesIO(bytes(2**20 + 1)))
