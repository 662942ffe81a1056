"""Subtitles (.srt, .vtt) -> sentences again, in sections that are named by the time they begin at."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from index.readers.decode import decode
from index.readers.parsed import Parsed, RawBlock, Unreadable, clean

_TIMES = re.compile(
    r"\s*(?:(\d{1,3}):)?(\d{1,2}):(\d{2})[.,](\d{1,3})\s*-->\s*(?:(\d{1,3}):)?(\d{1,2}):(\d{2})[.,](\d{1,3})"
)
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]+)>")
_TAG = re.compile(r"</?[a-zA-Z0-9][^>]*>|\{\\[^}]*\}")
_SPEAKER = re.compile(r"(?:>>+|[-–—])\s*(?=\S)")
_SAID = re.compile(r"\A\s*[-–]\s*(?=[^\W\d]|[\"'¿¡“])")
_FIELD = re.compile(r"(Title|Language|Kind)\s*:\s*(.+)", re.IGNORECASE)
_ENDS_SENTENCE = re.compile(r"[.!?…。！？][\"'”’»)\]]*$")
_SECTION_SECONDS = 60.0
_LONGEST_SECTION = 120.0
_PAUSE = 4.0


@dataclass(frozen=True, slots=True)
class _Cue:
    """A caption: when it is shown, in seconds, who speaks where the file says so, and its words."""

    start: float
    end: float
    voice: str
    text: str


def parse(data: bytes) -> Parsed:
    """Read subtitles. Raises ``Unreadable`` for binary data and for a file without a caption."""
    lines = decode(data).lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    cues = _without_rolling(list(_cues(lines)))
    if not cues:
        raise Unreadable("holds no caption.", "Export it again as .srt or .vtt.")
    header = _header(lines)
    title = header.get("title", "")
    fields = {"language": header["language"]} if "language" in header else {}
    return Parsed(list(_blocks(cues)), title, fields, labelled=True)


def _header(lines: Sequence[str]) -> dict[str, str]:
    """Return what the head of a WebVTT file says of it."""
    if not lines[0].startswith("WEBVTT"):
        return {}
    found = {"title": title} if (title := lines[0].removeprefix("WEBVTT").strip(" \t-")) else {}
    for line in lines[1:]:
        if not line.strip():
            break
        if match := _FIELD.match(line):
            found[match[1].lower()] = clean(match[2])
    return found


def _cues(lines: Sequence[str]) -> Iterator[_Cue]:
    """Yield the captions in order; notes and styles, which have no times, are left out."""
    at = 0
    while at < len(lines):
        times = _TIMES.match(lines[at])
        at += 1
        if times is None:
            continue
        parts: list[str] = []
        while at < len(lines) and lines[at].strip():
            # A dash before a line says that somebody else speaks; within one it would be read as a sign.
            parts.append(lines[at] if not parts else _SAID.sub("", lines[at]))
            at += 1
        text = " ".join(parts)
        voice = _VOICE.search(text)
        words = clean(html.unescape(_TAG.sub("", text)))
        if words:
            yield _Cue(_seconds(times, 1), _seconds(times, 5), clean(voice[1]) if voice else "", words)


def _seconds(times: re.Match[str], first: int) -> float:
    hours, minutes, seconds, thousandths = (times[group] or "0" for group in range(first, first + 4))
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds) + int(thousandths.ljust(3, "0")) / 1000


def _without_rolling(cues: Sequence[_Cue]) -> list[_Cue]:
    """Return the captions without the words that live captions show once more as they roll up."""
    kept: list[_Cue] = []
    for cue in cues:
        before = kept[-1].text if kept else ""
        text = cue.text
        if before and text.startswith(before) and cue.start - kept[-1].end < _PAUSE:
            text = text[len(before) :].strip()
        if text and text != before and not (before.endswith(" " + text) and cue.start <= kept[-1].end):
            kept.append(_Cue(cue.start, cue.end, cue.voice, text))
    return kept


def _blocks(cues: Sequence[_Cue]) -> Iterator[RawBlock]:
    section = 0.0
    words: list[str] = []
    before: _Cue | None = None
    for cue in cues:
        has_ended = before is None or _ENDS_SENTENCE.search(before.text) is not None
        elapsed = cue.start - section
        new_section = before is None or elapsed < 0 or elapsed >= (_SECTION_SECONDS if has_ended else _LONGEST_SECTION)
        new_voice = before is not None and (cue.voice != before.voice or _SPEAKER.match(cue.text) is not None)
        new_thought = before is not None and has_ended and cue.start - before.end > _PAUSE
        if words and (new_section or new_voice or new_thought):
            yield RawBlock("paragraph", " ".join(words))
            words = []
        if new_section:
            section = cue.start
            yield RawBlock("heading", _clock(section), level=2)
        if not words and cue.voice:
            words.append(f"{cue.voice}:")
        words.append(_SPEAKER.sub("", cue.text, count=1) if _SPEAKER.match(cue.text) else cue.text)
        before = cue
    yield RawBlock("paragraph", " ".join(words))


def _clock(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
