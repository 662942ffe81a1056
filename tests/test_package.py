from __future__ import annotations

import zipfile
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.readers.package import Package, joined
from index.readers.parsed import Unreadable
from tests.files import archive

LAUGHS = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>'
OUTSIDE = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'


def package(members: dict[str, bytes]) -> Package:
    return Package(archive(members), "test file")


def test_members_are_read() -> None:
    made = package({"a.xml": b"<x>one</x>", "b.bin": b"two"})
    assert (made.xml("a.xml").text, made.read("b.bin")) == ("one", b"two")
    assert made.names == {"a.xml", "b.bin"}


def stating(size: int, data: bytes) -> bytes:
    """Return an archive that states ``size`` as that of its only member."""
    at = data.rindex(b"PK\x01\x02") + 24
    return data[:at] + size.to_bytes(4, "little") + data[at + 4 :]


def test_what_states_too_much_is_not_unpacked() -> None:
    with pytest.raises(Unreadable, match="unpacks to more than 256 MiB"):
        Package(stating(257 * 2**20, archive({"a": b"x"})), "test file")


def test_what_shrinks_more_than_text_ever_does_is_a_bomb() -> None:
    with pytest.raises(Unreadable, match="unpacks to more than 200 times its size"):
        package({"a": bytes(40 * 2**20)})


def test_a_size_that_is_stated_too_small_buys_nothing() -> None:
    made = Package(stating(100, archive({"a": bytes(40 * 2**20)})), "test file")
    with pytest.raises(Unreadable, match="is a damaged test file"):
        made.read("a")


@pytest.mark.parametrize("bomb", [LAUGHS, OUTSIDE])
def test_entities_are_refused(bomb: bytes) -> None:
    made = package({"a.xml": bomb})
    for doctype in (False, True):
        with pytest.raises(Unreadable, match="holds a document type"):
            made.xml("a.xml", doctype=doctype)
    with pytest.raises(Unreadable, match="holds a document type"):
        list(made.elements("a.xml", keep=()))
    with pytest.raises(Unreadable, match="holds a document type"):
        made.check()


def test_a_document_type_without_entities_may_be_allowed() -> None:
    made = package({"a.xml": b'<!DOCTYPE ncx PUBLIC "-//x" "http://example.org/x.dtd"><ncx>x</ncx>'})
    assert made.xml("a.xml", doctype=True).text == "x"
    with pytest.raises(Unreadable, match="holds a document type"):
        made.xml("a.xml")


@pytest.mark.parametrize("content", [b"<x", b"", b"<a>" * 100_000])
def test_xml_that_is_none_is_damage(content: bytes) -> None:
    made = package({"a.xml": content})
    with pytest.raises(Unreadable, match="is a damaged test file"):
        made.xml("a.xml")
    with pytest.raises(Unreadable, match="is a damaged test file"):
        list(made.elements("a.xml", keep=()))


def test_a_member_that_is_not_there_is_damage() -> None:
    with pytest.raises(Unreadable, match="is a damaged test file"):
        package({"a": b"x"}).read("b")


def test_a_password_is_named() -> None:
    data = bytearray(archive({"a": b"x"}))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + offset] |= 1
    with pytest.raises(Unreadable, match="is encrypted with a password"):
        Package(bytes(data), "test file")


def test_elements_are_forgotten_unless_they_are_kept() -> None:
    made = package({"a.xml": b"<t>" + b"<r><c>x</c></r>" * 3 + b"</t>"})
    seen = [(each.tag, len(each)) for each in made.elements("a.xml", keep=("c",))]
    assert seen == [("c", 0), ("r", 1)] * 3 + [("t", 1)]


@given(st.text("./ab", max_size=20), st.text("./ab", max_size=20))
def test_no_name_leads_out(base: str, target: str) -> None:
    assert ".." not in joined(base, target).split("/")


def test_names_are_relative_to_the_member() -> None:
    assert joined("ppt/slides/slide1.xml", "../media/a.png") == "ppt/media/a.png"
    assert joined("ppt/presentation.xml", "/ppt/slides/slide1.xml") == "ppt/slides/slide1.xml"
    assert joined("", "word/document.xml") == "word/document.xml"


def test_damage_within_a_member_is_damage() -> None:
    data = bytearray(archive({"a.xml": b"<x>" + b"some words " * 100 + b"</x>"}))
    data[60:70] = b"\xff" * 10
    with pytest.raises(Unreadable, match="is a damaged test file"):
        Package(bytes(data), "test file").check()
    assert zipfile.is_zipfile(BytesIO(bytes(data)))
