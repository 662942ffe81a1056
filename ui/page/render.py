"""Answers as Markdown that is safe to show, whatever the documents say.

Text of documents (and of questions) passes through :func:`escape` alone, after which it can only be read: every
character that means something to a Markdown or HTML parser is escaped. What is markup in the result is ours:
paragraphs, emphasis, and links to ``#cite-...`` inside the page. The title of such a link is a code (``verbatim``,
``nearest``), which the page puts into the reader's words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from rag.answer.said import key_of, remarked
from rag.query.language import language_of
from rag.types import Answer, Claim, Quote, Remark, Source
from ui.i18n import Messages, messages

NEAREST = "nearest"
"""The code of a citation that answers nothing; the others are those of ``rag.types.Support``."""

_UNSEEN = "\u200b"
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1b\x7f]")
_NUMBER = re.compile(r"\\\[(\d+)\\\]")
_EXPLANATION = re.compile(r"\[([^\s\[\]]|[^\s\[\]][^\[\]]*[^\s\[\]])\]")
_LEAD = re.compile(r"\*\*(.+?)\*\*", re.DOTALL)
_AFTER_CITATION = re.compile(r"(?<=\d\])\s+(?!\[\d)")
_OPENER = re.compile(r"(?<=!)(?=\[)|(?<=\])(?=[(:])|(?<=<)(?=[A-Za-z/!?])|(?<=```)(?=\w)|(?<=~~~)(?=\w)")
_NEAREST = 3
"""Passages named below a refusal; the sources panel lists them all."""
_SNIPPET = 200
"""Characters of each, at most."""


def escape(text: str) -> str:
    """Return ``text`` as one line of Markdown that shows it literally.

    White space becomes single spaces and control characters go; everything else is visible as it was.
    """
    return _literal(line(text))


def line(text: str) -> str:
    """Return ``text`` with single spaces for white space and without control characters."""
    return " ".join(_CONTROLS.sub("", text).split())


def _literal(line: str) -> str:
    return _PUNCTUATION.sub(r"\\\1", line)


def question(text: str) -> str:
    """Return a reader's question, line by line."""
    return "\\\n".join(line for line in map(escape, text.splitlines()) if line)


def progress(text: str) -> str:
    """Return an answer that is still being written. Its citations become links when it is checked and complete."""
    lead = _LEAD.match(text)
    claims = map(escape, _AFTER_CITATION.split(text[lead.end() :] if lead else text))
    return "\n\n".join(filter(None, [_lead(lead[1]) if lead else "", *claims]))


def reading(hits: Sequence[Source], quotes: Sequence[Quote], message_id: str, say: Messages) -> str:
    """Return what is shown below an answer while it is written: what was found, and the quotes it is written from."""
    if not hits:
        return f"*{escape(say.text('looking'))}*"
    passages = escape(say.count("passages", len(hits)))
    documents = escape(say.count("documents", len({hit.document_id for hit in hits})))
    link = f"[{escape(say.text('reading.link', passages=passages, documents=documents))}](#evidence-{message_id})"
    quoted = [f"{escape(quote.text)} \\[{quote.n}\\]" for quote in quotes[:_NEAREST]]
    return "\n\n".join([f"{escape(say.text('reading'))} {link}…", *quoted])


def answer(answer: Answer, message_id: str, say: Messages, *, filtered: bool = False) -> str:
    """Return a complete answer; its citations link to ``#cite-<message_id>-<n>``.

    Where some documents alone were asked (``filtered``), a refusal says so.
    """
    say = in_its_language(answer, say)
    match answer.status:
        case "answered":
            return "\n\n".join(filter(None, _answered(answer, message_id, say)))
        case "not_found":
            return "\n\n".join(_not_found(answer, message_id, say, filtered=filtered))
        case "clarify":
            return _paragraphs(own_words(answer, say))


def in_its_language(answer: Answer, say: Messages) -> Messages:
    """Return the messages of the question's language; those of the page where the question does not tell its own."""
    language = language_of(answer.question, answer.standalone_question)
    return messages(language) if language else say


def own_words(answer: Answer, say: Messages) -> str:
    """Return the text of an answer without claims in the language of ``say``."""
    key = key_of(answer.text)
    return say.text(key) if key else answer.text


def inert(text: str, before: str = "") -> str:
    """Return plain text in which no image, link, tag or diagram can begin, should a client take it for Markdown.

    A zero-width space is put where one would; nothing visible changes. ``before`` is what precedes the text (three
    characters are enough), so that pieces of a stream come out as their whole would.
    """
    whole = before + text
    places = [match.start() for match in _OPENER.finditer(whole) if match.start() >= len(before)]
    ends = [*places, len(whole)]
    starts = [len(before), *places]
    return _UNSEEN.join(whole[start:end] for start, end in zip(starts, ends, strict=True))


def heading(answer: Answer) -> str:
    """Return an answer's heading as one line, or nothing."""
    return line(answer.heading or "").rstrip(". ")


def nearest(answer: Answer) -> Sequence[Source]:
    """Return the passages that a refusal names."""
    return answer.hits[:_NEAREST] if answer.status == "not_found" else ()


def _answered(answer: Answer, message_id: str, say: Messages) -> Iterable[str]:
    yield _lead(heading(answer))
    for remark in answer.remarks_before:
        yield _remark(remark, answer, message_id, say)
    for claim in answer.claims:
        marks = [_link(quote.n, claim.support, message_id) for quote in claim.quotes]
        yield " ".join([_claim(claim), *(marks or [f"*{escape(say.text('support.' + claim.support))}*"])])
    for remark in answer.remarks_after:
        yield _remark(remark, answer, message_id, say)
    if answer.notice:
        yield f"*{escape(answer.notice)}*"


def _remark(remark: Remark, answer: Answer, message_id: str, say: Messages) -> str:
    """Return a remark in italics; the numbers of its quotes are links."""
    support = {quote.n: claim.support for claim in answer.claims for quote in claim.quotes if quote.n in remark.quotes}

    def linked(number: re.Match[str]) -> str:
        n = int(number[1])
        return _link(n, support[n], message_id) if n in support else number[0]

    return f"*{_NUMBER.sub(linked, escape(remarked(remark, say.language)))}*"


def _not_found(answer: Answer, message_id: str, say: Messages, *, filtered: bool) -> Iterable[str]:
    yield _paragraphs(own_words(answer, say))
    for remark in answer.remarks_after:
        yield _remark(remark, answer, message_id, say)
    if filtered:
        yield f"*{escape(say.text('nearest.filtered'))}*"
    if answer.hits:
        yield f"**{escape(say.text('nearest'))}**"
    for n, hit in enumerate(nearest(answer), 1):
        title = escape(hit.title) or escape(hit.source)
        yield f"{_link(n, NEAREST, message_id)} *{title}* — {escape(snippet(hit.text))}"


def _lead(short_answer: str) -> str:
    words = escape(short_answer.strip().rstrip("."))
    return f"**{words}**" if words else ""


def _claim(claim: Claim) -> str:
    """Return a claim with the explanations that are ours, not its quotes', in italics."""
    text = line(claim.text)
    quoted = [line(quote.text) for quote in claim.quotes]
    pieces: list[str] = []
    position = 0
    for explanation in _EXPLANATION.finditer(text):
        if any(explanation[0] in quote for quote in quoted):
            continue
        pieces += _literal(text[position : explanation.start()]), f"\\[*{_literal(explanation[1])}*\\]"
        position = explanation.end()
    return "".join([*pieces, _literal(text[position:])])


def _link(n: int, mark: str, message_id: str) -> str:
    return f'[\\[{n}\\]](#cite-{message_id}-{n} "{mark}")'


def _paragraphs(text: str) -> str:
    return "\n\n".join(line for line in map(escape, re.split(r"\n\s*\n", text)) if line)


def snippet(text: str) -> str:
    """Return the beginning of a passage, cut between words."""
    whole = line(text)
    return whole if len(whole) <= _SNIPPET else whole[:_SNIPPET].rsplit(" ", 1)[0] + " …"
