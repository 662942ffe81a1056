"""JSON, JSON Lines and notebooks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.errors import ReadError
from index.readers import read
from tests.reading import LONG, OTHER, blocks, written

THIRD = "A third sentence, which is in no other record."
ARTICLE = {
    "headline": "Peace plan leaked",
    "byline": "Jane Doe",
    "date": "2025-11-21",
    "url": "https://example.org/a",
    "body": f"{LONG}\n\n{OTHER}",
}


def test_a_record_of_prose_is_a_document(tmp_path: Path) -> None:
    document = written(tmp_path, "a.json", json.dumps(ARTICLE))
    assert blocks(document) == [
        ("heading", "Peace plan leaked"),
        ("row", "byline: Jane Doe"),
        ("row", "date: 2025-11-21"),
        ("row", "url: https://example.org/a"),
        ("paragraph", LONG),
        ("paragraph", OTHER),
    ]
    assert document.title == "Peace plan leaked"
    assert dict(document.metadata) == {"author": "Jane Doe", "published": "2025-11-21", "format": "json"}


@pytest.mark.parametrize("name", ["records.json", "records.jsonl", "records.txt"])
def test_records_of_prose_are_sections(tmp_path: Path, name: str) -> None:
    records = [ARTICLE, {"title": "Second", "text": THIRD, "tags": ["a", "b"], "by": {"name": "Bob", "age": 4}}]
    lines = "\n".join(map(json.dumps, records)) if name.endswith("l") else json.dumps(records)
    document = written(tmp_path, name, lines)
    assert blocks(document) == [
        ("heading", "Peace plan leaked"),
        ("row", "byline: Jane Doe; date: 2025-11-21; url: https://example.org/a"),
        ("paragraph", LONG),
        ("paragraph", OTHER),
        ("heading", "Second"),
        ("row", "tags: a, b; by name: Bob; by age: 4"),
        ("paragraph", THIRD),
    ]
    assert document.title == "Records"


def test_records_of_values_are_rows_as_they_are_written(tmp_path: Path) -> None:
    text = (
        '[{"sku": "A1", "price": 12.50, "size": {"in_cm": 3}, "old": null}, {"sku": "A2", "price": 1e400, "ok": true}]'
    )
    assert blocks(written(tmp_path, "a.json", text)) == [
        ("row", "sku: A1; price: 12.50; size in cm: 3"),
        ("row", "sku: A2; price: 1e400; ok: true"),
    ]


def test_nested_values_stand_under_their_names(tmp_path: Path) -> None:
    value = {
        "name": "Rules",
        "opening_hours": {"monday": "9 to 5"},
        "parts": [{"id": 1}, {"id": 2}],
        "why": {"text": LONG},
    }
    assert blocks(written(tmp_path, "a.json", json.dumps(value))) == [
        ("heading", "Rules"),
        ("row", "opening hours: monday: 9 to 5"),
        ("heading", "parts"),
        ("row", "id: 1"),
        ("row", "id: 2"),
        ("heading", "why"),
        ("paragraph", LONG),
    ]


def test_markup_in_a_value_is_no_text(tmp_path: Path) -> None:
    document = written(tmp_path, "a.json", json.dumps({"title": "T", "html": f"<p>{LONG}</p><script>bad()</script>"}))
    assert blocks(document) == [("heading", "T"), ("paragraph", LONG)]


UNREADABLE = {
    "deep": ("[" * 100_000 + "]" * 100_000, "is nested too deeply"),
    "less deep": ('{"a":' * 900 + "1" + "}" * 900, "is nested too deeply"),
    "cut": ('{"title": "x", "text": ', "is no valid JSON: line 1"),
    "more lines damaged than whole": ('{"a": 1}\n{"a": \n{"a": \n', "is no valid JSON: line 2"),
    "a value over several lines": ('{\n"a": 1,\n"b": [],\n"c": {"d": 1\n}\n', "is no valid JSON: line 6"),
    "words": ("these are words", "is no valid JSON: line 1"),
    "empty": ("[]", "holds no text"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_says_why(tmp_path: Path, name: str) -> None:
    content, reason = UNREADABLE[name]
    with pytest.raises(ReadError, match=reason) as caught:
        written(tmp_path, "a.json", content)
    assert "Error:" not in caught.value.problem


@pytest.mark.parametrize(
    ("lines", "whole", "told"),
    [
        (['{"a": "one"}', '{"a": ', '{"a": "three"}'], ["one", "three"], "1 of 3 lines are no valid JSON: line 2. "),
        (['{"a": "one"}', "", "oops", '{"a": "t'] + ['{"a": "five"}'] * 2, ["one", "five", "five"], "lines 3, 4. "),
        (['{"a": "one"}', '{"a": "cut'], ["one"], "1 of 2 lines are no valid JSON: line 2. "),
        (['{"a": "one"}', '{"b":' * 200 + "1" + "}" * 200], ["one"], "1 of 2 lines"),
        (['{"a": "one"}', "[" * 100_000], ["one"], "1 of 2 lines"),
        (['{"a": "one"}'] * 20 + ["{"] * 15, ["one"] * 20, "21, 22, 23, 24, 25, 26, 27, 28, 29, 30 and 5 more. "),
    ],
)
def test_damaged_lines_are_left_out_and_named(tmp_path: Path, lines: list[str], whole: list[str], told: str) -> None:
    document = written(tmp_path, "a.jsonl", "\n".join(lines))
    assert blocks(document) == [("row", f"a: {text}") for text in whole]
    assert told in document.metadata["unread"]


def test_many_names_take_no_time(tmp_path: Path) -> None:
    value = {f"key{number}": [{"a": {"b": 1}}] if number % 2 else 1 for number in range(20_000)}
    assert len(written(tmp_path, "a.json", json.dumps(value)).blocks) == 30_000


def test_a_huge_number_is_a_text(tmp_path: Path) -> None:
    assert written(tmp_path, "a.json", f'{{"n": {"9" * 10_000}}}').text == "n: " + "9" * 10_000


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_any_value_gives_a_document_or_a_clear_reason(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    path = tmp_path_factory.mktemp("any") / "a.json"
    path.write_text(json.dumps({"value": value, "kept": "words to keep"}))
    assert "words to keep" in read(path, "a.json").text


def notebook(*cells: dict[str, object], **metadata: object) -> str:
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


@pytest.mark.parametrize("name", ["a.ipynb", "a.json", "a.txt"])
def test_a_notebook(tmp_path: Path, name: str) -> None:
    table = "<table><tr><th>Year</th><th>Cost</th></tr><tr><td>2024</td><td>3</td></tr></table>"
    outputs = [
        {"output_type": "stream", "text": ["one\n", "\x1b[31mtwo\x1b[0m\n"]},
        {"output_type": "execute_result", "data": {"text/html": [table], "text/plain": "Year Cost"}},
        {"output_type": "display_data", "data": {"image/png": "aGVsbG8="}},
        {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": ["long"]},
    ]
    text = notebook(
        {"cell_type": "markdown", "source": ["# Costs\n", "\n", f"{LONG}"]},
        {"cell_type": "code", "source": "print(1)", "outputs": outputs},
        authors=[{"name": "Jane Doe"}],
    )
    document = written(tmp_path, name, text)
    assert blocks(document) == [
        ("heading", "Costs"),
        ("paragraph", LONG),
        ("code", "print(1)"),
        ("code", "one"),
        ("code", "two"),
        ("row", "Year: 2024; Cost: 3"),
        ("code", "ValueError: no"),
    ]
    assert (document.title, dict(document.metadata)) == ("Costs", {"author": "Jane Doe", "format": "ipynb"})


def test_an_old_notebook(tmp_path: Path) -> None:
    cells = [{"cell_type": "heading", "level": 2, "source": "Old"}, {"cell_type": "code", "input": "print(1)"}]
    text = json.dumps({"worksheets": [{"cells": cells}], "nbformat": 3})
    assert blocks(written(tmp_path, "a.ipynb", text)) == [("heading", "Old"), ("code", "print(1)")]


@given(st.lists(VALUES, max_size=4))
def test_a_notebook_of_anything_gives_a_document_or_a_reason(
    tmp_path_factory: pytest.TempPathFactory, cells: list[object]
) -> None:
    path = tmp_path_factory.mktemp("any") / "a.ipynb"
    path.write_text(json.dumps({"cells": [*cells, {"cell_type": "raw", "source": "kept"}], "nbformat": 4}))
    assert read(path, "a.ipynb").text == "kept"


def test_a_table_of_one_column_and_a_picture_in_a_notebook(tmp_path: Path) -> None:
    frame = "<table><tr><th></th><th>height</th></tr><tr><th>Oban</th><td>3.2</td></tr></table>"
    outputs = [
        {"output_type": "execute_result", "data": {"text/html": frame, "text/plain": "height\nOban 3.2"}},
        {"output_type": "display_data", "data": {"image/png": "aaaa", "text/plain": "<Figure size 640x480>"}},
    ]
    cells = [{"cell_type": "code", "source": "show()", "outputs": outputs}]
    document = written(tmp_path, "a.ipynb", json.dumps({"cells": cells, "nbformat": 4, "metadata": {}}))
    assert blocks(document) == [("code", "show()"), ("row", "Oban; height: 3.2")]
