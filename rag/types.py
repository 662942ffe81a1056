"""The values that travel from a question to its answer. Every surface consumes these and derives none again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Role = Literal["user", "assistant"]
Status = Literal["answered", "not_found", "clarify"]
Support = Literal["verbatim", "supported", "partial", "unsupported"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Quote:
    """Words of a document, exactly: ``documents[document_id].text[start:end] == text`` (code points).

    ``n`` is the citation number shown to the reader, from 1, unique within an answer. ``also_in`` names the other
    sources that hold the same words: copies of the file, and documents with nearly the same passage.
    """

    n: int
    document_id: str
    source: str
    title: str
    page: int | None
    start: int
    end: int
    text: str
    published: str | None = None
    outlet: str | None = None
    also_in: tuple[str, ...] = ()
    author: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """One statement of an answer and the quotes it stands on.

    ``text`` may differ from its quotes by explanations in square brackets (``He [Zelensky] said``), which are ours.
    """

    text: str
    support: Support
    quotes: tuple[Quote, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """What is shown of a hit: where the passage stands and what it says.

    ``also_in`` names the sources of near-duplicates, which are no hits of their own.
    """

    document_id: str
    source: str
    title: str
    page: int | None
    start: int
    end: int
    score: float
    text: str
    published: str | None = None
    outlet: str | None = None
    also_in: tuple[str, ...] = ()
    author: str | None = None


@dataclass(frozen=True, slots=True)
class Remark:
    """What citechat itself has to say about an answer.

    ``differ``: the ``quotes``, by number, give different answers; ``newest`` is the one of the newest document, if
    their dates tell. ``missing``: ``about`` is a part of the question that the documents do not answer. ``denied``: the
    quotes deny what the question takes for granted. ``altered``: the document called ``about`` is not what was stored,
    and the answer does without it.
    """

    kind: Literal["differ", "missing", "denied", "altered"]
    quotes: tuple[int, ...] = ()
    newest: int | None = None
    about: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of a question.

    ``status`` is ``answered``; ``not_found``, with no claims and the nearest passages in ``hits``; or ``clarify``,
    where ``text`` asks back. ``text`` of what is answered is plain prose: ``heading`` in ``**bold**``,
    ``remarks_before``, the claims with ``[n]`` after each, ``remarks_after``; it holds text of documents, so a surface
    that renders markup must build it from these, in this order. Otherwise it is citechat's own words alone.
    ``confidence`` is the calibrated probability, 0 to 1, that the documents answer the question. ``model`` is the
    language model that wrote the claims, or ``extractive``; ``notice`` says why one that is configured wrote them not.
    """

    question: str
    standalone_question: str
    status: Status
    confidence: float
    short_answer: str | None
    text: str
    claims: tuple[Claim, ...]
    hits: tuple[Source, ...]
    model: str
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    notice: str | None = None
    remarks: tuple[Remark, ...] = ()

    @property
    def quotes(self) -> tuple[Quote, ...]:
        """Every quote of the answer once, in the order in which claims cite them."""
        return tuple({quote.n: quote for claim in self.claims for quote in claim.quotes}.values())

    @property
    def heading(self) -> str | None:
        """The short answer; none where the documents differ, as one of several answers does not head them all."""
        return None if self.remarks_before else self.short_answer

    @property
    def remarks_before(self) -> tuple[Remark, ...]:
        """What is to be read before the claims: that the documents differ."""
        return tuple(remark for remark in self.remarks if remark.kind == "differ")

    @property
    def remarks_after(self) -> tuple[Remark, ...]:
        """The other remarks."""
        return tuple(remark for remark in self.remarks if remark.kind != "differ")


@dataclass(frozen=True, slots=True)
class Evidence:
    """Event: what was found, before any of it was read. Comes once, first."""

    hits: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Quoted:
    """Event: what the answer will be made from. Comes once, before its text, unless the documents do not answer."""

    quotes: tuple[Quote, ...]


@dataclass(frozen=True, slots=True)
class Delta:
    """Event: the next piece of ``Answer.text``. The pieces, joined, are the text.

    An empty piece says that the answer is still being written, so that a reader who has left is noticed.
    """

    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """Event: the whole answer, checked. Comes once, last."""

    answer: Answer


Event = Evidence | Quoted | Delta | Done
