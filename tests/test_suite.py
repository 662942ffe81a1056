"""The suite says only what its documents say, and ``seeds/`` is written in its own words."""

from __future__ import annotations

import html
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from evals.cases.format import load_cases
from evals.scoring.text import contains, normalise

ROOT = Path(__file__).parents[1]
SEEDS = ROOT / "seeds"
SUITE = ROOT / "evals" / "suite"
CORE, HARD = sorted(SUITE.glob("*.yaml")), sorted((SUITE / "hard").glob("*.yaml"))
ARTICLES = ROOT.parent / "shared" / "seeds"
QUOTED = re.compile(r'"[^"]*"|“[^”]*”')
NEAR_MISSES = {"wrong-person", "wrong-number", "later-event", "other-topic", "false-premise"}

Case = dict[str, Any]


def load(path: Path) -> tuple[list[Path], list[Case]]:
    """Return the corpus folders that the header names and the cases."""
    header, *cases = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [(path.parent / folder).resolve() for folder in header["corpus"]], cases


def over_seeds(paths: list[Path]) -> list[Case]:
    """Return the cases of those files that ask about ``seeds/``."""
    return [case for path in paths for case in load(path)[1] if load(path)[0] == [SEEDS]]


STATED = ("answer", "numbers", "dates")
CASES = [case for path in (*CORE, *HARD) for case in load(path)[1]]
ANSWERABLE = [
    (corpus[0], case)
    for corpus, cases in map(load, [*CORE, *HARD])
    for case in cases
    if any(key in case for key in STATED)
]


@cache
def text_of(path: Path) -> str:
    match path.suffix:
        case ".html":
            return html.unescape(re.sub(r"<[^>]+>", " ", path.read_text(encoding="utf-8")))
        case ".pdf":
            return _pdf_text(path)
        case ".docx":
            return _docx_text(path)
        case _:
            return path.read_text(encoding="utf-8")


def _pdf_text(path: Path) -> str:
    import pypdfium2

    with pypdfium2.PdfDocument(path) as pdf:
        return "\n".join(page.get_textpage().get_text_range() for page in pdf)


def _docx_text(path: Path) -> str:
    import docx

    document = docx.Document(str(path))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return "\n".join([*(paragraph.text for paragraph in document.paragraphs), *cells])


def documents(corpus: Path) -> list[Path]:
    return [path for path in sorted(corpus.rglob("*")) if path.is_file()]


@cache
def everything(corpus: Path) -> str:
    return normalise("\n".join(map(text_of, documents(corpus))))


@pytest.mark.parametrize("paths", [CORE, HARD], ids=["core", "hard"])
def test_each_suite_is_large_and_much_of_it_unanswerable(paths: list[Path]) -> None:
    cases = over_seeds(paths)
    assert len(cases) >= 80
    assert sum(case.get("unanswerable", False) for case in cases) >= 20


def test_every_case_is_whole() -> None:
    ids = [case["id"] for case in CASES]
    assert sorted(ids) == sorted(set(ids))
    for case in CASES:
        assert {"id", "question", "tags"} <= case.keys(), case["id"]
        assert case["question"].strip(), case["id"]
        assert sum([any(key in case for key in STATED), "unanswerable" in case, "status" in case]) == 1, case["id"]
        assert case.get("status", "clarify") == "clarify", case["id"]
        assert ("unanswerable" in case["tags"]) == case.get("unanswerable", False), case["id"]
        assert not case.get("unanswerable") or NEAR_MISSES & set(case["tags"]), case["id"]


@pytest.mark.parametrize("path", [*CORE, *HARD], ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_file_is_read_without_complaint(path: Path) -> None:
    assert len(load_cases(path).cases) == len(load(path)[1])


def test_the_core_has_cases_of_every_kind() -> None:
    files = {path.stem: load(path)[1] for path in CORE}
    assert sum(map(len, files.values())) >= 165
    assert {"conversation", "dates", "hostile", "languages"} <= files.keys()
    for name in ("conversation", "dates", "hostile", "languages"):
        assert len(files[name]) >= 12
        assert any(case.get("unanswerable") for case in files[name])


@pytest.mark.parametrize(("corpus", "case"), ANSWERABLE, ids=[case["id"] for _, case in ANSWERABLE])
def test_the_documents_hold_the_answer_and_its_evidence(corpus: Path, case: Case) -> None:
    evidence = case.get("evidence", [])
    for item in evidence:
        assert (corpus / item["source"]).is_file(), item
        assert normalise(item.get("quote", "")) in normalise(text_of(corpus / item["source"])), item
    cited = "\n".join(text_of(corpus / item["source"]) for item in evidence) or everything(corpus)
    for group in case.get("answer", []):
        assert all(normalise(wording) in everything(corpus) for wording in group), group
        assert any(contains(cited, wording) for wording in group), group


def test_the_documents_are_of_every_format() -> None:
    found = [path.suffix for path in documents(SEEDS)]
    assert len(found) >= 16
    assert {suffix: found.count(suffix) for suffix in (".html", ".docx", ".pdf")} == {".html": 4, ".docx": 3, ".pdf": 2}


def test_no_sentence_of_the_article_is_carried_over(capsys: pytest.CaptureFixture[str]) -> None:
    if not ARTICLES.is_dir():
        with capsys.disabled():
            sys.stdout.write(f"\nNOT CHECKED: {ARTICLES} is absent, so seeds/ was not compared with the article.\n")
        pytest.skip(f"{ARTICLES} is absent")
    article = "\n".join(path.read_text(encoding="utf-8") for path in sorted(ARTICLES.glob("*.txt")))
    sentences = re.split(r"(?<=[.!?:])\s+|\n+", QUOTED.sub("\n", article))
    long = [normalise(sentence) for sentence in sentences if len(sentence.split()) >= 8]
    assert long
    for path in documents(SEEDS):
        text = normalise(text_of(path))
        assert not [sentence for sentence in long if sentence in text], path
