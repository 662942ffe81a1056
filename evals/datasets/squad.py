"""SQuAD and its kin: questions written for one paragraph of an encyclopaedia."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from evals.cases.format import Case, Evidence
from evals.datasets.collection import Collection, joined, slug
from evals.datasets.files import read_json

XQUAD_LANGUAGES = ("en", "de", "es", "ar", "zh")


def squad2(data: Path) -> Iterator[Collection]:
    """Yield the articles of SQuAD 2.0, each with its questions."""
    yield from _squad(data / "squad" / "squad_v2_dev.json.gz", "squad2")


def squad(data: Path) -> Iterator[Collection]:
    """Yield the articles of SQuAD 1.1, each with its questions."""
    yield from _squad(data / "squad" / "squad_v1.1_dev.json.gz", "squad")


def xquad(data: Path) -> Iterator[Collection]:
    """Yield the paragraphs and questions of XQuAD, one collection a language."""
    for language in XQUAD_LANGUAGES:
        articles = read_json(data / "multilingual" / f"xquad.{language}.json.gz")["data"]
        name = f"xquad-{language}"
        yield joined(name, (_squad_article(article, "", name, (language,)) for article in articles))


def squad_es(data: Path) -> Iterator[Collection]:
    """Yield the articles of SQuAD 2.0 as a machine translated them into Spanish, under their English titles."""
    english = {
        question["id"]: article["title"]
        for article in read_json(data / "squad" / "squad_v2_dev.json.gz")["data"]
        for paragraph in article["paragraphs"]
        for question in paragraph["qas"]
    }
    for article in read_json(data / "multilingual" / "squad_es_v2_small.json.gz")["data"]:
        titles = Counter(english.get(question["id"]) for part in article["paragraphs"] for question in part["qas"])
        title = titles.most_common(1)[0][0]
        if title:
            yield _squad_article(article | {"title": title}, f"squad-es-{slug(title)}", "squad-es", ("es",))


def _squad(path: Path, prefix: str) -> Iterator[Collection]:
    for article in read_json(path)["data"]:
        yield _squad_article(article, f"{prefix}-{slug(article['title'])}", prefix, ())


def _squad_article(article: Mapping[str, Any], name: str, prefix: str, tags: tuple[str, ...]) -> Collection:
    title = article["title"].replace("_", " ")
    documents: dict[str, str] = {}
    cases: list[Case] = []
    asked_of: dict[str, str] = {}
    for number, paragraph in enumerate(article["paragraphs"], 1):
        source = f"{slug(title)}-{number:03}.txt"
        documents[source] = f"{title}\n\n{paragraph['context']}\n"
        own = [_squad_case(question, source, prefix, tags) for question in paragraph["qas"]]
        cases += own
        asked_of |= {case.id: source for case in own}
    return Collection(name, documents, tuple(cases), asked_of)


def _squad_case(question: Mapping[str, Any], source: str, prefix: str, tags: tuple[str, ...]) -> Case:
    unanswerable = question.get("is_impossible", False)
    wordings = tuple(dict.fromkeys(answer["text"] for answer in question["answers"]))
    return Case(
        id=f"{prefix}-{question['id']}",
        question=question["question"].strip(),
        answer=() if unanswerable else (wordings,),
        evidence=() if unanswerable else (Evidence(source),),
        unanswerable=unanswerable,
        tags=(*tags, "unanswerable" if unanswerable else "answerable"),
    )
