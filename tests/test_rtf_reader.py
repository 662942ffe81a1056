from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.errors import ReadError
from index.readers import read
from tests.reading import LONG, blocks, written

HEAD = (
    r"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset204 Arial Cyr;}}"
    r"{\stylesheet{\s0 Normal;}{\s1 heading 1;}}{\*\generator Some Program;}"
    r"{\info{\title The Handbook}{\author Jane Doe}{\creatim\yr2024\mo3\dy5\hr1}{\revtim\yr2024\mo4\dy6}}"
)


def rtf(body: str) -> str:
    return HEAD + body + "}"


def test_structure_and_metadata(tmp_path: Path) -> None:
    cells = (
        r"\trowd\trhdr\intbl Year\cell Cost\cell\row "
        r"\trowd\intbl 2023\cell 1,\par 5\cell\row \trowd\intbl 2024\cell 2\cell\row "
    )
    body = (
        rf"\pard\s1 Leave\par\pard {LONG}\par{{\pard\ls1{{\listtext\bullet\tab}}First point\par}}"
        rf"{{\pard\ls1{{\listtext\bullet\tab}}Second point\par}}{cells}"
        rf"\pard{{\b Sick leave}}\par\pard After {{\v hidden}}{{\b the}} table.\par{{\header Page}}{{\pict 0a0b}}"
    )
    document = written(tmp_path, "a.rtf", rtf(body))
    assert blocks(document) == [
        ("heading", "Leave"),
        ("paragraph", LONG),
        ("item", "First point"),
        ("item", "Second point"),
        ("row", "Year: 2023; Cost: 1, 5"),
        ("row", "Year: 2024; Cost: 2"),
        ("heading", "Sick leave"),
        ("paragraph", "After the table."),
    ]
    assert document.title == "The Handbook"
    assert dict(document.metadata) == {
        "author": "Jane Doe", "published": "2024-03-05", "modified": "2024-04-06", "format": "rtf",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (r"caf\'e9 \ldblquote yes\rdblquote\emdash no", "café “yes”—no"),
        (r"\uc1\u26481 ?\u20140\'3f Tokyo", "東京 Tokyo"),
        (r"\uc0\u-10179\u-8704  face", "😀 face"),
        (r"{\f1 \'cf\'f0\'e8\'e2\'e5\'f2}", "Привет"),
        (r"a\~b\_c \{d\} \\e", "a b-c {d} \\e"),
        ("split\r\nwo\nrds", "splitwords"),
        (r'{\field{\*\fldinst HYPERLINK "http://x"}{\fldrslt link}} text', "link text"),
        (r"{\*\unknown secret}kept{\*\bkmkstart x}", "kept"),
        (r"\line two\tab three", "two three"),
    ],
)
def test_characters(tmp_path: Path, body: str, text: str) -> None:
    assert written(tmp_path, "a.rtf", rtf(rf"\pard {body}.\par")).text == f"{text}."


def test_the_content_goes_before_the_name(tmp_path: Path) -> None:
    assert written(tmp_path, "a.doc", rtf(LONG)).metadata["format"] == "rtf"


def test_absurd_nesting(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="is nested too deeply"):
        written(tmp_path, "a.rtf", rtf("{" * 100_000))


@given(
    st.lists(
        st.sampled_from([*r"{ } \par \cell \row \intbl \u \u-1 \uc9 \'f \'ff \* \info \f9 \b0 x".split(), "\\", "é"])
    )
)
def test_anything_gives_a_document(tmp_path_factory: pytest.TempPathFactory, pieces: list[str]) -> None:
    path = tmp_path_factory.mktemp("any") / "a.rtf"
    path.write_text(HEAD + "Kept.\\par " + "".join(pieces))
    assert read(path, "a.rtf").text.startswith("Kept.")


def test_a_footnote_is_a_paragraph_of_its_own_at_the_end(tmp_path: Path) -> None:
    note = r"{\super\chftn}{\footnote\pard\plain{\super\chftn} Since {\i May}.}"
    text = written(tmp_path, "a.rtf", rtf(rf"\pard The rent is due{note} on the third.\par Next.\par")).text
    assert text == "The rent is due on the third.\n\nNext.\n\nSince May."
