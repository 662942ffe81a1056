"""Texts with plain marks: quotes read as the printed page, and nothing that is said goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reading import LONG, OTHER, blocks, written

TEX = rf"""\documentclass[11pt]{{article}}
\title{{Seals of Brae}}
\author{{Ann Muir \and Tam Bain}}
\date{{3 March 2024}}
\begin{{document}}
\maketitle
\section{{Counting}}
We counted \textbf{{412 \emph{{grey}} seals}} on the skerries~\cite{{muir}}, i.e.\ 12\% more % a remark
than before; the fee was \$40 --- and $E = mc^2$. ``Good,'' said M\"uller\footnote{{Of Caf\'e Wei\ss.}} there.
\begin{{itemize}}
\item Grey seals: 390
\item Common seals: 22
\end{{itemize}}
\begin{{tabular}}{{ll}}
Boat & Morag \\
\end{{tabular}}

{LONG}
\end{{document}}
"""


def test_latex(tmp_path: Path) -> None:
    found = written(tmp_path, "a.tex", TEX)
    assert blocks(found) == [
        ("heading", "Seals of Brae"),
        ("paragraph", "Author: Ann Muir, Tam Bain"),
        ("paragraph", "Date: 3 March 2024"),
        ("heading", "Counting"),
        (
            "paragraph",
            "We counted 412 grey seals on the skerries, i.e. 12% more than before; the fee was $40 — and E = mc^2. "
            '"Good," said Müller (Of Café Weiß.) there.',
        ),
        ("item", "Grey seals: 390"),
        ("item", "Common seals: 22"),
        ("paragraph", "Boat | Morag"),
        ("paragraph", LONG),
    ]
    assert (found.title, found.metadata["author"], found.metadata["published"]) == (
        "Seals of Brae",
        "Ann Muir, Tam Bain",
        "2024-03-03",
    )


@pytest.mark.timeout(10)
def test_much_white_space_in_latex_takes_no_time(tmp_path: Path) -> None:
    found = written(tmp_path, "a.tex", f"{LONG}{' ' * 300_000}x & y{' ' * 300_000}z\n\n{OTHER}")
    assert OTHER in found.text


def test_a_piece_of_latex_without_a_preamble(tmp_path: Path) -> None:
    assert blocks(written(tmp_path, "a.tex", f"\\section{{One}}\n{LONG}\n")) == [
        ("heading", "One"),
        ("paragraph", LONG),
    ]


def test_org(tmp_path: Path) -> None:
    text = f"""#+TITLE: Notes on Brae
#+AUTHOR: Ann Muir
* TODO History  :island:
:PROPERTIES:
:ID: 12345
:END:
Brae was settled by *monks* in /the ninth century/, see [[https://x.example][the annals]]; 2*3*4 and a/b/c stay.
** Modern times
SCHEDULED: <2024-03-06 Wed>
{LONG}
| Boat  | Crew |
|-------+------|
| Heron |    4 |
"""
    found = written(tmp_path, "a.org", text)
    assert blocks(found) == [
        ("heading", "Notes on Brae"),
        ("paragraph", "AUTHOR: Ann Muir"),
        ("heading", "History"),
        ("paragraph", "Brae was settled by monks in the ninth century, see the annals; 2*3*4 and a/b/c stay."),
        ("heading", "Modern times"),
        ("paragraph", LONG),
        ("paragraph", "Boat | Crew"),
        ("paragraph", "Heron | 4"),
    ]
    assert (found.title, found.metadata["author"]) == ("Notes on Brae", "Ann Muir")


def test_restructured_text(tmp_path: Path) -> None:
    text = f"""Visitor guide
=============

The **ferry** leaves from *Holm* at ``06:10``; see `the site <https://x.example>`_ and :ref:`fares`, 2 * 3 * 4.

.. note:: Dogs travel free on Sundays.

.. image:: a.png
   :alt: x

{LONG}
"""
    assert blocks(written(tmp_path, "a.rst", text)) == [
        ("heading", "Visitor guide"),
        ("paragraph", "The ferry leaves from Holm at 06:10; see the site and fares, 2 * 3 * 4."),
        ("paragraph", "Dogs travel free on Sundays."),
        ("paragraph", LONG),
    ]


def test_asciidoc(tmp_path: Path) -> None:
    text = f"""= Visitor guide
Ann Muir <ann@x.example>
:toc:

== Getting there

The *ferry* leaves from _Holm_ at `06:10`; see https://x.example[the site]; some_file_name stays.

|===
|Boat |Crew
|===

{LONG}
"""
    found = written(tmp_path, "a.adoc", text)
    assert blocks(found) == [
        ("heading", "Visitor guide"),
        ("paragraph", "Author: Ann Muir"),
        ("heading", "Getting there"),
        ("paragraph", "The ferry leaves from Holm at 06:10; see the site; some_file_name stays."),
        ("paragraph", "Boat | Crew"),
        ("paragraph", LONG),
    ]
    assert found.metadata["author"] == "Ann Muir"
