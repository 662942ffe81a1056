from __future__ import annotations

from pathlib import Path

from tests.reading import LONG, blocks, written

MARKDOWN = """---
title: "The plan"
date: 2025-11-21
author: [Jane Doe, John Roe]
section: world
---
# Plan *of* action

Text with **bold**, `code`, a [link](http://example.com/x) and ![image](i.png) on
two lines.<br>More <b>text</b>.[^1]

- one
- two
  1. nested

3. three

| Name | Age |
|------|-----|
| Ann  | 3   |

```python
def f():

    return 1
```

> quoted

<script>alert(1)</script>

<div>inside <p>html</p></div>
"""


def test_markdown_becomes_text_without_markup(tmp_path: Path) -> None:
    document = written(tmp_path, "a.md", MARKDOWN)
    assert document.title == "The plan"
    assert document.metadata == {
        "published": "2025-11-21",
        "author": "Jane Doe, John Roe",
        "section": "world",
        "format": "markdown",
    }
    assert blocks(document) == [
        ("heading", "Plan of action"),
        ("paragraph", "Text with bold, code, a link and on two lines. More text."),
        ("item", "one"),
        ("item", "two"),
        ("item", "1. nested"),
        ("item", "3. three"),
        ("row", "Name: Ann; Age: 3"),
        ("code", "def f():"),
        ("code", "    return 1"),
        ("paragraph", "quoted"),
        ("paragraph", "inside"),
        ("paragraph", "html"),
    ]


def test_front_matter_that_is_no_yaml_is_read_as_header_lines(tmp_path: Path) -> None:
    document = written(tmp_path, "a.md", f"---\ntitle: Peace: a plan\n\ndate: 3 March 2024\n---\n\n{LONG}")
    assert (document.title, document.metadata["published"]) == ("Peace: a plan", "2024-03-03")


def test_front_matter_makes_no_objects(tmp_path: Path) -> None:
    text = "---\na: !!python/object/apply:os.mkdir [made]\n---\nText."
    written(tmp_path, "a.md", text)
    assert not Path("made").exists()


def test_the_marks_of_programs_for_notes_are_no_text(tmp_path: Path) -> None:
    notes = "> [!note] Mind\n> the [[Harbour plan|plan]] of [[Riva]], ==urgent== ![[map.png]] `[[ -f x ]]` a == b\n"
    assert written(tmp_path, "a.md", notes).text == "Mind the plan of Riva, urgent [[ -f x ]] a == b"
