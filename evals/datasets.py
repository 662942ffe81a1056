"""Public question sets as documents and cases, and the command that runs citechat on them.

    python -m evals.datasets NAME --data DIR [--limit N] [--home DIR] [--json F] [--html F]

What the figures mean:

``realtimeqa``  Weekly news quizzes over the news articles a search engine gave for them, in one index. A question
    counts as answerable if its gold answer occurs in an article found for it. Both labels are weak: "Meta" may occur
    without answering, and another article may answer in other words, so a false answer here is one to look at.
``squad2``  Wikipedia paragraphs, one index per article. The unanswerable questions were written to look answerable
    by their own paragraph; another paragraph of the article sometimes answers them. Many questions lean on their
    paragraph ("What did the treaty say?"), hence one index per article and not one for all.
``clapnq``  Search-engine questions over Wikipedia passages, in one index. Gold answers are long; a case passes when
    one of the gold sentences is in the answer word for word, and evidence_recall is the share of them quoted. The
    unanswerable ones come with a passage on their subject that does not answer.
``nq``      Search-engine questions over the Wikipedia passages that answer them, in one index; all answerable.
``xquad``   The same paragraphs and questions in five languages, one index per language; all answerable.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from evals.cases import Case, Evidence, Suite
from evals.homes import SuitePipelines
from evals.report import render_html, render_json, render_text
from evals.run import run_suite
from index.errors import CitechatError, InputError
from rag.settings import load_settings

XQUAD_LANGUAGES = ("en", "de", "es", "ar", "zh")


@dataclass(frozen=True, slots=True)
class Collection:
    """Documents that share an index, by file name, and the cases over them."""

    name: str
    documents: Mapping[str, str]
    cases: tuple[Case, ...]

    def write(self, folder: Path) -> Suite:
        """Write the documents below ``folder`` (files that are there already stay untouched) and return the suite."""
        corpus = folder / self.name
        corpus.mkdir(parents=True, exist_ok=True)
        for name, text in self.documents.items():
            path = corpus / name
            if not path.exists() or path.read_bytes() != text.encode():
                path.write_bytes(text.encode())
        return Suite(Path(self.name), (corpus,), {}, self.cases)


def load(name: str, data: Path, limit: int | None = None) -> list[Collection]:
    """Return the collections of the set ``name`` below the folder ``data``, with ``limit`` cases in all at most.

    The cases that stay are spread evenly over the set; the documents of a collection stay all. Raises ``InputError``
    if the set is unknown or not there.
    """
    if name not in DATASETS:
        raise InputError(f"There is no data set {name!r}.", f"The sets are {', '.join(DATASETS)}.")
    if limit is not None and limit < 1:
        raise InputError("The limit must be at least 1.")
    collections = list(DATASETS[name](data))
    total = sum(len(collection.cases) for collection in collections)
    if limit is None or limit >= total:
        return collections
    kept = {case.id for case in _spread([case for each in collections for case in each.cases], limit)}
    sampled = (
        Collection(each.name, each.documents, tuple(case for case in each.cases if case.id in kept))
        for each in collections
    )
    return [each for each in sampled if each.cases]


def _spread(cases: Sequence[Case], count: int) -> list[Case]:
    return [cases[number * len(cases) // count] for number in range(count)]


def realtimeqa(data: Path) -> Iterator[Collection]:
    """Yield the news quizzes over all their articles."""
    folder = data / "realtimeqa"
    articles = _lines(folder / "dev_2025h2.articles.jsonl.gz")
    questions = _lines(folder / "dev_2025h2.questions.jsonl.gz")
    documents = {f"{article['id']}.txt": article_text(article) for article in articles}
    yield Collection("realtimeqa", documents, tuple(map(_quiz_case, questions)))


def article_text(article: Mapping[str, str]) -> str:
    """Return a news article as a text file: title, a line with its date, text."""
    date = article["publish_date"].replace("/", "-")
    return f"{article['title']}\n\nDate: {date}\n\n{article['text']}\n"


def _quiz_case(question: Mapping[str, Any]) -> Case:
    answerable = bool(question["urls_with_answer_string"])
    return Case(
        id=f"realtimeqa-{question['id']}",
        question=question["question"],
        answer=(tuple(question["answers"]),) if answerable else (),
        unanswerable=not answerable,
        tags=(_slug(question["source"]), "answerable" if answerable else "unanswerable"),
    )


def squad2(data: Path) -> Iterator[Collection]:
    """Yield the articles of SQuAD 2.0, each with its questions."""
    for article in _json(data / "squad" / "squad_v2_dev.json.gz")["data"]:
        yield _squad_article(article, f"squad2-{_slug(article['title'])}", "squad2", ())


def xquad(data: Path) -> Iterator[Collection]:
    """Yield the paragraphs and questions of XQuAD, one collection a language."""
    for language in XQUAD_LANGUAGES:
        articles = _json(data / "multilingual" / f"xquad.{language}.json.gz")["data"]
        parts = [_squad_article(article, "", f"xquad-{language}", (language,)) for article in articles]
        documents = {name: text for part in parts for name, text in part.documents.items()}
        yield Collection(f"xquad-{language}", documents, tuple(case for part in parts for case in part.cases))


def _squad_article(article: Mapping[str, Any], name: str, prefix: str, tags: tuple[str, ...]) -> Collection:
    title = article["title"].replace("_", " ")
    documents: dict[str, str] = {}
    cases: list[Case] = []
    for number, paragraph in enumerate(article["paragraphs"], 1):
        source = f"{_slug(title)}-{number:03}.txt"
        documents[source] = f"{title}\n\n{paragraph['context']}\n"
        cases += [_squad_case(question, source, prefix, tags) for question in paragraph["qas"]]
    return Collection(name, documents, tuple(cases))


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


def clapnq(data: Path) -> Iterator[Collection]:
    """Yield the passages of CLAP NQ, answerable and unanswerable questions together."""
    documents: dict[str, str] = {}
    cases: list[Case] = []
    for kind in ("answerable", "unanswerable"):
        for record in _lines(data / "clapnq" / f"dev_{kind}.jsonl.gz"):
            source = f"{record['id'].removeprefix('-')}-{kind}.txt"
            passage = record["passages"][0]
            documents[source] = f"{passage['title']}\n\n{passage['text']}\n"
            cases.append(_clapnq_case(record, source, kind))
    yield Collection("clapnq", documents, tuple(cases))


def _clapnq_case(record: Mapping[str, Any], source: str, kind: str) -> Case:
    gold = [output["selected_sentences"] for output in record["output"]] if kind == "answerable" else []
    wordings = tuple(dict.fromkeys(sentence for sentences in gold for sentence in sentences))
    return Case(
        id=f"clapnq-{record['id']}",
        question=record["input"],
        answer=(wordings,) if wordings else (),
        evidence=tuple(Evidence(source, sentence) for sentence in gold[0]) if gold else (),
        unanswerable=kind == "unanswerable",
        tags=(kind,),
    )


def nq(data: Path) -> Iterator[Collection]:
    """Yield Natural Questions with their gold passages."""
    documents: dict[str, str] = {}
    cases: list[Case] = []
    for number, record in enumerate(_lines(data / "nq_open" / "nq-open-oracle.jsonl.gz")):
        passage = record["ctxs"][0]
        source = f"nq-{number:05}.txt"
        documents[source] = f"{passage['title']}\n\n{passage['text']}\n"
        cases.append(
            Case(
                id=f"nq-{number:05}",
                question=record["question"],
                answer=(tuple(record["answers"]),),
                evidence=(Evidence(source),),
                tags=("answerable",),
            )
        )
    yield Collection("nq", documents, tuple(cases))


DATASETS: Mapping[str, Callable[[Path], Iterator[Collection]]] = {
    "realtimeqa": realtimeqa,
    "squad2": squad2,
    "clapnq": clapnq,
    "nq": nq,
    "xquad": xquad,
}


def _slug(text: str) -> str:
    return re.sub(r"[\W_]+", "-", text.lower()).strip("-")


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in _open(path).split("\n") if line]


def _json(path: Path) -> Any:  # noqa: ANN401  # JSON
    return json.loads(_open(path))


def _open(path: Path) -> str:
    if not path.exists():
        raise InputError(f"{path} is not there.", f"See {path.parent / 'README.md'} for where it comes from.")
    return gzip.decompress(path.read_bytes()).decode("utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run citechat on a set and print the metrics; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m evals.datasets", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("name", choices=DATASETS)
    parser.add_argument("--data", type=Path, required=True, help="folder of the public question sets")
    parser.add_argument("--limit", type=int, metavar="N", help="ask N questions, spread over the set")
    parser.add_argument("--home", type=Path, help="keep the documents and indexes there for the next run")
    parser.add_argument("--json", type=Path, metavar="F", help="write the report as JSON")
    parser.add_argument("--html", type=Path, metavar="F", help="write the report as a page")
    options = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory() as temporary:
            home = options.home or Path(temporary)
            suites = [each.write(home / "documents") for each in load(options.name, options.data, options.limit)]
            with SuitePipelines(load_settings(home)) as pipeline_for, _bar(suites) as bar:
                report = run_suite(suites, pipeline_for, lambda _: bar.update())
    except CitechatError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    sys.stdout.write(render_text(report))
    for path, render in ((options.json, render_json), (options.html, render_html)):
        if path:
            path.write_text(render(report), encoding="utf-8")
    return 0


def _bar(suites: Sequence[Suite]) -> tqdm[Any]:
    return tqdm(total=sum(len(suite.cases) for suite in suites), unit="question", disable=None)


if __name__ == "__main__":
    raise SystemExit(main())
