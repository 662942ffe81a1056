from __future__ import annotations

from pathlib import Path

import pytest

from index.errors import ReadError
from tests.reading import blocks, written


def srt(*cues: tuple[str, str, str]) -> str:
    return "".join(f"{n}\n{start} --> {end}\n{text}\n\n" for n, (start, end, text) in enumerate(cues, 1))


def test_captions_become_sentences_under_the_time_they_begin_at(tmp_path: Path) -> None:
    text = srt(
        ("00:00:01,000", "00:00:04,000", "The <i>report</i> says\nthat costs"),
        ("00:00:04,000", "00:00:06,000", "rose &amp; fell."),
        ("00:00:07,000", "00:00:09,000", "{\\an8}Nobody asked."),
        ("01:02:03,000", "01:02:05,000", "A new matter."),
    )
    assert blocks(written(tmp_path, "talk.srt", text)) == [
        ("heading", "0:00:01"),
        ("paragraph", "The report says that costs rose & fell. Nobody asked."),
        ("heading", "1:02:03"),
        ("paragraph", "A new matter."),
    ]


def test_a_sentence_is_not_cut_by_the_minute(tmp_path: Path) -> None:
    text = srt(
        ("00:00:01,000", "00:00:04,000", "This goes on"),
        ("00:01:05,000", "00:01:06,000", "past the minute."),
        ("00:01:07,000", "00:01:08,000", "Then comes this."),
    )
    assert [text for kind, text in blocks(written(tmp_path, "talk.srt", text)) if kind == "paragraph"] == [
        "This goes on past the minute.",
        "Then comes this.",
    ]


def test_webvtt_says_who_speaks(tmp_path: Path) -> None:
    text = (
        "WEBVTT - The debate\r\nLanguage: en\r\n\r\nNOTE not shown\r\n\r\nSTYLE\r\n::cue {}\r\n\r\n"
        "intro\r\n00:01.000 --> 00:04.000 align:start\r\n<v.loud Jane Doe>I say<00:02.000> <c>yes</c>.</v>\r\n\r\n"
        "00:05.000 --> 00:06.000\r\n<v Bob>I say no.\r\n\r\n00:07.000 --> 00:08.000\r\n<v Bob>Never.\r\n"
    )
    document = written(tmp_path, "a.vtt", text)
    assert blocks(document)[1:] == [("paragraph", "Jane Doe: I say yes."), ("paragraph", "Bob: I say no. Never.")]
    assert (document.title, document.metadata["language"]) == ("The debate", "en")


def test_a_dash_is_another_speaker(tmp_path: Path) -> None:
    text = srt(("00:00:01,0", "00:00:02,0", "- Who is it?"), ("00:00:02,0", "00:00:03,0", "- The postman."))
    assert blocks(written(tmp_path, "a.srt", text))[1:] == [("paragraph", "Who is it?"), ("paragraph", "The postman.")]


def test_rolling_captions_are_read_once(tmp_path: Path) -> None:
    text = srt(
        ("00:00:01,000", "00:00:02,000", "The first line"),
        ("00:00:02,000", "00:00:03,000", "The first line goes on"),
        ("00:00:03,000", "00:00:04,000", "and ends."),
    )
    assert written(tmp_path, "a.srt", text).text == "0:00:01\n\nThe first line goes on and ends."


def test_the_content_goes_before_the_name(tmp_path: Path) -> None:
    text = srt(("00:00:01,000", "00:00:02,000", "Some words"))
    assert written(tmp_path, "a.txt", text.encode("utf-16")).metadata["format"] == "subtitles"
    assert written(tmp_path, "talk.txt", text).title == "Talk"


def test_a_file_without_a_caption(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="holds no caption"):
        written(tmp_path, "a.srt", "1\n\nno times here\n")


def test_the_dash_of_a_second_speaker_in_one_caption(tmp_path: Path) -> None:
    text = "1\n00:00:01,000 --> 00:00:04,000\n- How deep is it?\n- Some 552 metres,\n-20 at night.\n"
    assert blocks(written(tmp_path, "a.srt", text))[1:] == [
        ("paragraph", "How deep is it? Some 552 metres, -20 at night.")
    ]
