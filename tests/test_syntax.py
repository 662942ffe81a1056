from __future__ import annotations

import pytest

from index.readers.kinds import Format
from index.readers.syntax import plain_text, written_in

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


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Redistribution and use in source and binary forms, with or\nwithout modification, are permitted.\n", "text"),
        ("Einkaufen: Milch, Eier und zwei Brötchen.\n\nMüller anrufen!\n", "text"),
        ("会议定于周五举行。食堂中午开门。\n", "text"),
        ("export PATH=/usr/bin\n# where programs are\necho $PATH\n", "lines"),
        ("import os\n\n\ndef main(path):\n    return os.stat(path)\n", "lines"),
        ("#!/bin/sh\necho The canteen is open today and all are welcome\n", "lines"),
        ("2025-11-21 10:03:11 status installed libc6:amd64 2.36-9\n", "lines"),
        ("name: plan\nport: 8080\nhosts:\n  - one\n", "lines"),
        ("int stat(const char *path, struct stat *found);\n/* Returns 0. */\n", "lines"),
    ],
)
def test_prose_is_told_from_what_means_something_line_by_line(text: str, kind: Format) -> None:
    assert plain_text(text.encode()) == kind
