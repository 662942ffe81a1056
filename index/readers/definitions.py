"""Lists of terms in HTML, written out: what is said of a term follows it in one paragraph, ``Height: 2 metres``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from index.readers.parsed import clean

if TYPE_CHECKING:
    from lxml.etree import _Element

_LONGEST_TERM = 60
"""Characters; longer ones, like those that end a sentence, are questions or headings."""


def write_out_terms(tree: _Element) -> None:
    """Put, in place, each short term before what is said of it, where that is text and nothing that is laid out."""
    for names in list(tree.iter("dt")):
        term = clean("".join(names.itertext()))
        said = names.getnext()
        following = said.getnext() if said is not None else None
        if (
            said is not None
            and said.tag == "dd"
            and (following is None or following.tag != "dd")
            and (said.text or "").strip()
            and 0 < len(term) <= _LONGEST_TERM
            and term[-1] not in ".?!"
        ):
            said.text = f"{term.rstrip(':')}: {(said.text or '').lstrip()}"
            names.drop_tree()
