from __future__ import annotations

import pytest

from index.readers.kinds import Format
from index.readers.syntax import written_in

CUE = "1\n00:00:01,000 --> 00:00:02,000\nwords\n"


@pytest.mark.parametrize(
    ("text", "named", "kind"),
    [
        ('{"a": 1}', "text", "json"),
        ('[{"a": 1}]', None, "json"),
        ('{"a": 1}\n{"a": 2}\n{"a"', "text", "json"),
        ('{"cells": [], "nbformat": 4}', "json", "ipynb"),
        ('{"say": "\\"nbformat\\": 4"}', "json", "json"),
        ('{"a": ', "json", "json"),
        ('{"a": ', "text", None),
        ("[a link](x) and words", "markdown", None),
        ("{template} text", "text", None),
        ("words", "json", None),
        ("[1, 2] are references.", "text", None),
        ("WEBVTT\n\n", "text", "subtitles"),
        (CUE, "text", "subtitles"),
        ("At 00:00:01 it begins.", "text", None),
        ("{\\rtf1 words}", "text", "rtf"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_content_gives_the_format_away(text: str, named: Format | None, kind: Format | None, encoding: str) -> None:
    assert written_in(text.encode(encoding), named) == kind


def test_depth_is_no_accident() -> None:
    assert written_in(b"[" * 200_000 + b"]" * 200_000, "text") is None
