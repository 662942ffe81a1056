"""Answers and conversations to take along: Markdown, HTML, JSON, and reference lists in plain text and BibTeX.

A reference names title, outlet, author, date, page and file of each quote, and gives its words.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

from index.readers import part_named
from rag.answer.said import remarked
from rag.answer.serialize import answer_json
from rag.types import Answer, Quote, Source
from ui.i18n import Messages
from ui.kept.conversations import Conversation, Exchange
from ui.page import render

References = Literal["markdown", "text", "bibtex"]
Format = Literal["markdown", "html", "json"]

MEDIA_TYPES: dict[Format, str] = {
    "markdown": "text/markdown; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "json": "application/json",
}
SUFFIXES: dict[Format, str] = {"markdown": "md", "html": "html", "json": "json"}

_ACTIVE = re.compile(r"[\\`*_\[\]<>&#|~!$@{}+=^]|(?<=[Ww]{3})\.|:(?=//)|\A-|\A\d+[.)]")
"""What may begin markup in a line of Markdown; a comma or a full stop is left as people read it."""
_TEMPLATES = Path(__file__).with_name("templates")
_LATEX = re.compile(r"[\\{}$&#^_%~]")
_MONTHS = {f"{n:02}": name for n, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}
"""The names that every style of BibTeX knows, and prints in its own language."""
_LATEX_NAMES = {
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    # BibTeX counts braces that are escaped, too.
    "{": r"\textbraceleft{}",
    "}": r"\textbraceright{}",
}


def references(answer: Answer, style: References, say: Messages) -> str:
    """Return an answer with its references (``markdown``), or its references alone (``text``, ``bibtex``)."""
    match style:
        case "markdown":
            return _answer_markdown(answer, say)
        case "text":
            return "".join(f"{_reference(quote, say)}\n" for quote in answer.quotes)
        case "bibtex":
            return "\n".join(_bibtex(quotes, say) for quotes in _by_document(answer.quotes))


def conversation(kept: Conversation, format_: Format, title: str, say: Messages) -> str:
    """Return a conversation in one of the formats."""
    match format_:
        case "markdown":
            return "\n".join([f"# {_plain(title)}\n", *(_markdown(each, say) for each in kept.exchanges)])
        case "html":
            return _html(kept.exchanges, title, say)
        case "json":
            values = {"title": title, "exchanges": [_json(each) for each in kept.exchanges]}
            return json.dumps(values, ensure_ascii=False, indent=2)


def _markdown(exchange: Exchange, say: Messages) -> str:
    lines = [f"## {_plain(exchange.question)}\n", f"*{say.moment(exchange.asked)}*\n"]
    if exchange.where:
        lines.append(f"*{say.text('export.filter')}: {_plain(exchange.where)}*\n")
    lines.append(_answer_markdown(exchange.answer, say) if exchange.answer else f"{_plain(exchange.text)}\n")
    return "\n".join(lines)


def _answer_markdown(answer: Answer, say: Messages) -> str:
    say = render.in_its_language(answer, say)
    lead = render.heading(answer)
    parts = [f"**{_plain(lead)}**\n"] if lead else []
    parts += [f"*{_plain(remarked(remark, say.language))}*\n" for remark in answer.remarks_before]
    for claim in answer.claims:
        parts.append(_plain(" ".join([claim.text, *(f"[{quote.n}]" for quote in claim.quotes)])) + "\n")
    if not answer.claims:
        parts.append(f"{_plain(render.own_words(answer, say))}\n")
        parts += [f"- {_plain(_nearest(hit, say))}" for hit in render.nearest(answer)]
    parts += [f"*{_plain(remarked(remark, say.language))}*\n" for remark in answer.remarks_after]
    parts += [f"{quote.n}. {_plain(_origin(quote, say))}: “{_plain(quote.text)}”" for quote in answer.quotes]
    return "\n".join(parts) + ("\n" if answer.quotes or render.nearest(answer) else "")


def _plain(text: str) -> str:
    """Return ``text`` as one line of Markdown that shows it literally, with as few backslashes as that takes."""
    return _ACTIVE.sub(lambda found: f"{found[0][:-1]}\\{found[0][-1]}", render.line(text))


def _html(exchanges: Sequence[Exchange], title: str, say: Messages) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined)
    template = environment.get_template("conversation.html")
    return template.render(
        exchanges=exchanges,
        title=title,
        say=say,
        origin=_origin,
        nearest=render.nearest,
        passage=_nearest,
        heading=render.heading,
        in_its_language=render.in_its_language,
        own_words=render.own_words,
        remarked=remarked,
    )


def _json(exchange: Exchange) -> dict[str, Any]:
    return {
        "asked": exchange.asked.isoformat(timespec="seconds"),
        "question": exchange.question,
        "filter": exchange.where or None,
        "state": exchange.state,
        "answer": answer_json(exchange.answer) if exchange.answer else None,
    }


def _nearest(hit: Source, say: Messages) -> str:
    return f"{_origin(hit, say)}: {render.snippet(hit.text)}"


def _reference(quote: Quote, say: Messages) -> str:
    return f"[{quote.n}] {_origin(quote, say)}: “{' '.join(quote.text.split())}”"


def _origin(quote: Quote | Source, say: Messages) -> str:
    """Return where a quote comes from, in one line."""
    date = say.date(quote.published) if quote.published else ""
    title = quote.title or quote.source
    file = quote.source if title != quote.source else ""
    return ", ".join(filter(None, [title, quote.outlet, quote.author, date, _part(quote, say), file]))


def _part(quote: Quote | Source, say: Messages) -> str:
    """Return the page or the slide that a quote stands on."""
    return say.text(part_named(quote.source), n=str(quote.page)) if quote.page else ""


def _by_document(quotes: Sequence[Quote]) -> Iterable[list[Quote]]:
    grouped: dict[str, list[Quote]] = {}
    for quote in quotes:
        grouped.setdefault(quote.document_id, []).append(quote)
    return grouped.values()


def _bibtex(quotes: Sequence[Quote], say: Messages) -> str:
    """Return the entry of one document; its pages are those that are quoted, its slides stand with its file.

    The author stands in braces of its own: whether it is a person, two of them or an office nobody has told.
    """
    first = quotes[0]
    is_paged = part_named(first.source) == "page"
    pages = dict.fromkeys(str(quote.page) for quote in quotes if quote.page and is_paged)
    slides = dict.fromkeys(_part(quote, say) for quote in quotes if quote.page and not is_paged)
    year, _, rest = (first.published or "").partition("-")
    fields = {
        "author": f"{{{{{_latex(first.author)}}}}}" if first.author else "",
        "title": _field(first.title or first.source),
        "organization": _field(first.outlet or ""),
        "year": _field(year),
        "month": _MONTHS.get(rest[:2], ""),
        "pages": _field(", ".join(pages)),
        "howpublished": _field(", ".join([first.source, *slides])),
        "note": _field(" / ".join(f"“{' '.join(quote.text.split())}”" for quote in quotes)),
    }
    lines = [f"  {name} = {value}" for name, value in fields.items() if value]
    return f"@misc{{{_key(first)},\n" + ",\n".join(lines) + "\n}\n"


def _key(quote: Quote) -> str:
    """Return a citation key of plain letters and digits that differs between documents."""
    plain = unicodedata.normalize("NFKD", quote.title or quote.source).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+", plain.lower())
    year = (quote.published or "")[:4]
    return "-".join(filter(None, [*words[:3], year if year not in words[:3] else "", quote.document_id[:6]]))


def _field(text: str) -> str:
    return f"{{{_latex(text)}}}" if text else ""


def _latex(text: str) -> str:
    return _LATEX.sub(lambda found: _LATEX_NAMES.get(found[0], f"\\{found[0]}"), " ".join(text.split()))
