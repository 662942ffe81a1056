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
``squad``, ``qed``, ``hotpot``  Questions over Wikipedia paragraphs, all answerable, each set in one index; of ``qed``
    and ``hotpot`` the evidence is known by the sentence.
``xquad``   The same paragraphs and questions in five languages, one index per language; all answerable.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from tqdm import tqdm

from evals.cases import Case, Evidence, Suite
from evals.homes import SuitePipelines
from evals.report import render_html, render_json, render_text
from evals.run import run_suite
from index.errors import CitechatError, InputError
from rag.settings import load_settings

Item = TypeVar("Item")

XQUAD_LANGUAGES = ("en", "de", "es", "ar", "zh")


KEPT_OUT = 0.2
"""Share of the articles that the cross-encoder never learns from."""
_NUMBER = re.compile(r"-\d{3,}\.\w+$")
_LOOSE = re.compile(r"\s+(?=[.,;:!?%)\]]|'s\b|n't\b)|(?<=[(\[])\s+")


@dataclass(frozen=True, slots=True)
class Collection:
    """Documents that share an index, by file name, and the cases over them.

    ``asked_of`` names, by case id, the document that a question was written for, also where it does not answer.
    """

    name: str
    documents: Mapping[str, str]
    cases: tuple[Case, ...]
    asked_of: Mapping[str, str]

    def article(self, case: Case) -> str:
        """Return what a case shares with others: the title of the document that it was written for, as a slug."""
        return _NUMBER.sub("", self.asked_of.get(case.id, case.id))

    def write(self, folder: Path) -> Suite:
        """Write the documents below ``folder`` (files that are there already stay untouched) and return the suite."""
        corpus = folder / self.name
        corpus.mkdir(parents=True, exist_ok=True)
        for name, text in self.documents.items():
            path = corpus / name
            if not path.exists() or path.read_bytes() != text.encode():
                path.write_bytes(text.encode())
        return Suite(Path(self.name), (corpus,), {}, self.cases)


def kept_out(article: str) -> bool:
    """Tell whether the cross-encoder never learns from an article, whichever set has it."""
    return hashlib.sha256(article.encode()).digest()[1] < 256 * KEPT_OUT


def load(name: str, data: Path, limit: int | None = None, *, unlearned: bool = False) -> list[Collection]:
    """Return the collections of the set ``name`` below the folder ``data``, with ``limit`` cases in all at most.

    With ``unlearned``, only cases of articles that are kept out of training. The cases that stay are spread evenly over
    the set; the documents of a collection stay all. Raises ``InputError`` if the set is unknown or not there.
    """
    if name not in DATASETS:
        raise InputError(f"There is no data set {name!r}.", f"The sets are {', '.join(DATASETS)}.")
    if limit is not None and limit < 1:
        raise InputError("The limit must be at least 1.")
    collections = list(DATASETS[name](data))
    ids = [case.id for each in collections for case in each.cases if not unlearned or kept_out(each.article(case))]
    kept = set(ids if limit is None else spread(ids, limit))
    sampled = (replace(each, cases=tuple(case for case in each.cases if case.id in kept)) for each in collections)
    return [each for each in sampled if each.cases]


def spread(items: Sequence[Item], limit: int) -> list[Item]:
    """Return ``limit`` items at most, spread evenly."""
    count = min(limit, len(items))
    return [items[number * len(items) // count] for number in range(count)]


def realtimeqa(data: Path) -> Iterator[Collection]:
    """Yield the news quizzes over all their articles."""
    folder = data / "realtimeqa"
    articles = read_lines(folder / "dev_2025h2.articles.jsonl.gz")
    questions = read_lines(folder / "dev_2025h2.questions.jsonl.gz")
    documents = {f"{article['id']}.txt": article_text(article) for article in articles}
    yield Collection("realtimeqa", documents, tuple(map(_quiz_case, questions)), {})


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


def _squad(path: Path, prefix: str) -> Iterator[Collection]:
    for article in read_json(path)["data"]:
        yield _squad_article(article, f"{prefix}-{_slug(article['title'])}", prefix, ())


def _squad_article(article: Mapping[str, Any], name: str, prefix: str, tags: tuple[str, ...]) -> Collection:
    title = article["title"].replace("_", " ")
    documents: dict[str, str] = {}
    cases: list[Case] = []
    asked_of: dict[str, str] = {}
    for number, paragraph in enumerate(article["paragraphs"], 1):
        source = f"{_slug(title)}-{number:03}.txt"
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


def joined(name: str, parts: Iterable[Collection]) -> Collection:
    """Return the documents and cases of several collections as one collection."""
    documents: dict[str, str] = {}
    cases: list[Case] = []
    asked_of: dict[str, str] = {}
    for part in parts:
        documents |= part.documents
        cases += part.cases
        asked_of |= part.asked_of
    return Collection(name, documents, tuple(cases), asked_of)


def _single(name: str, title: str, number: int, text: str, case: Callable[[str], Case]) -> Collection:
    """Return a collection of one document with one case, made by ``case`` of the document's name."""
    source = f"{_slug(title)[:100]}-{number:05}.txt"
    made = case(source)
    return Collection(name, {source: f"{title}\n\n{text}\n"}, (made,), {made.id: source})


def clapnq(data: Path) -> Iterator[Collection]:
    """Yield the passages of CLAP NQ, answerable and unanswerable questions together."""
    records = [
        (record, kind)
        for kind in ("answerable", "unanswerable")
        for record in read_lines(data / "clapnq" / f"dev_{kind}.jsonl.gz")
    ]
    yield joined("clapnq", (_clapnq_passage(number, *record) for number, record in enumerate(records)))


def _clapnq_passage(number: int, record: Mapping[str, Any], kind: str) -> Collection:
    passage = record["passages"][0]
    gold = [output["selected_sentences"] for output in record["output"]] if kind == "answerable" else []
    wordings = tuple(dict.fromkeys(sentence for sentences in gold for sentence in sentences))

    def case(source: str) -> Case:
        return Case(
            id=f"clapnq-{record['id']}",
            question=record["input"],
            answer=(wordings,) if wordings else (),
            evidence=tuple(Evidence(source, sentence) for sentence in gold[0]) if gold else (),
            unanswerable=kind == "unanswerable",
            tags=(kind,),
        )

    return _single("clapnq", passage["title"], number, passage["text"], case)


def nq(data: Path) -> Iterator[Collection]:
    """Yield Natural Questions with their gold passages."""
    records = read_lines(data / "nq_open" / "nq-open-oracle.jsonl.gz")
    yield joined("nq", (_nq_passage(number, record) for number, record in enumerate(records)))


def _nq_passage(number: int, record: Mapping[str, Any]) -> Collection:
    passage = record["ctxs"][0]

    def case(source: str) -> Case:
        return Case(
            id=f"nq-{number:05}",
            question=record["question"],
            answer=(tuple(record["answers"]),),
            evidence=(Evidence(source),),
            tags=("answerable",),
        )

    return _single("nq", passage["title"], number, passage["text"], case)


def qed(data: Path) -> Iterator[Collection]:
    """Yield the Natural Questions of QED whose answer one sentence explains, with their paragraphs."""
    records = [
        record
        for record in read_lines(data / "qed" / "qed-dev.jsonl.gz")
        if "selected_sentence" in record["annotation"]
    ]
    yield joined("qed", (_qed_paragraph(number, record) for number, record in enumerate(records)))


def _qed_paragraph(number: int, record: Mapping[str, Any]) -> Collection:
    sentence = _untokenised(record["annotation"]["selected_sentence"]["string"])
    answers = tuple(_untokenised(answer["string"]) for answer in record["original_nq_answers"][0])

    def case(source: str) -> Case:
        return Case(
            id=f"qed-{number:05}",
            question=record["question_text"],
            answer=(answers,),
            evidence=(Evidence(source, sentence),),
            tags=("answerable",),
        )

    return _single("qed", record["title_text"], number, _untokenised(record["paragraph_text"]), case)


def hotpot(data: Path) -> Iterator[Collection]:
    """Yield the questions of HotpotQA over their paragraphs; each needs sentences of two."""
    documents: dict[str, str] = {}
    cases: list[Case] = []
    asked_of: dict[str, str] = {}
    for record in read_json(data / "multihop_small" / "hotpotqa_train.json"):
        paragraphs = dict(record["context"])
        sources = {title: f"{_slug(title)}-{len(documents) + n:05}.txt" for n, title in enumerate(paragraphs)}
        documents |= {sources[title]: f"{title}\n\n{''.join(texts)}\n" for title, texts in paragraphs.items()}
        facts = [(title, line) for title, line in record["supporting_facts"] if line < len(paragraphs[title])]
        case = Case(
            id=f"hotpot-{len(cases):03}",
            question=record["question"],
            answer=((record["answer"],),),
            evidence=tuple(Evidence(sources[title], paragraphs[title][line].strip()) for title, line in facts),
            tags=("answerable",),
        )
        cases.append(case)
        asked_of[case.id] = case.evidence[0].source
    yield Collection("hotpot", documents, tuple(cases), asked_of)


DATASETS: Mapping[str, Callable[[Path], Iterator[Collection]]] = {
    "realtimeqa": realtimeqa,
    "squad2": squad2,
    "clapnq": clapnq,
    "nq": nq,
    "squad": squad,
    "qed": qed,
    "hotpot": hotpot,
    "xquad": xquad,
}


def _slug(text: str) -> str:
    return re.sub(r"[\W_]+", "-", text.lower()).strip("-")


def _untokenised(text: str) -> str:
    """Return text whose words and marks stand apart as people write it."""
    for apart, together in (("``", '"'), ("''", '"'), (" -- ", " – "), (" - ", "-")):
        text = text.replace(apart, together)
    return " ".join(_LOOSE.sub("", text).split())


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read a file of JSON lines, compressed or not. Raises ``InputError`` if it is not there."""
    return [json.loads(line) for line in _open(path).split("\n") if line]


def read_json(path: Path) -> Any:  # noqa: ANN401  # JSON
    """Read a JSON file, compressed or not. Raises ``InputError`` if it is not there."""
    return json.loads(_open(path))


def _open(path: Path) -> str:
    if not path.exists():
        raise InputError(f"{path} is not there.", f"See {path.parent / 'README.md'} for where it comes from.")
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run citechat on a set and print the metrics; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m evals.datasets", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("name", choices=DATASETS)
    parser.add_argument("--data", type=Path, required=True, help="folder of the public question sets")
    parser.add_argument("--limit", type=int, metavar="N", help="ask N questions, spread over the set")
    parser.add_argument("--unlearned", action="store_true", help="only articles kept out of training")
    parser.add_argument("--home", type=Path, help="keep the documents and indexes there for the next run")
    parser.add_argument("--json", type=Path, metavar="F", help="write the report as JSON")
    parser.add_argument("--html", type=Path, metavar="F", help="write the report as a page")
    options = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory() as temporary:
            home = options.home or Path(temporary)
            collections = load(options.name, options.data, options.limit, unlearned=options.unlearned)
            suites = [each.write(home / "documents") for each in collections]
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
