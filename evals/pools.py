"""Public sets that say which texts of a collection a question should find.

``nfcorpus``    Medical abstracts, judged relevant in two grades; the questions are titles and headings of articles.
``mtrag-clapnq``, ``mtrag-cloud``, ``mtrag-fiqa``   The turns of written conversations over passages pooled from three
    other systems' results (encyclopaedia, product documentation, questions on money). A few relevant passages are not
    in the pool: they count as not found. The history holds the user's turns alone.
``doc2dial``    The turns of dialogues over pages of public services; wanted are the sentences that the reply stands on.
``realtimeqa``  News quizzes; wanted is any passage with the answer's words, whether or not it answers.
``summhay``     Articles written around planted insights, each topic by itself; wanted are those with the query's own.
``chunking``    Three long texts, each by itself; wanted are the sentences of the excerpts that answer.
``squad``, ``nq``   Paragraphs, all in one index; wanted is the one that the question was written for.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from evals.cases.format import Case
from evals.datasets import Collection, joined, nq, read_json, read_lines, realtimeqa, squad
from evals.scoring.text import contains
from index.errors import InputError
from index.sentences import sentence_spans
from rag.types import Turn

MTRAG = ("clapnq", "cloud", "fiqa")
DIALOGUE_STEP = 8
"""Every so many turns of ``doc2dial`` are asked: neighbours in one dialogue tell little new."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a question should find: a source as a whole, or a passage with any of the wordings, of any source if none.

    ``gain`` is the grade of relevance, from 1.
    """

    source: str | None
    wordings: tuple[str, ...] = ()
    gain: int = 1

    def matches(self, sources: tuple[str, ...], text: str) -> bool:
        """Tell whether a passage with these sources and this text (normalised) is wanted."""
        known = self.source is None or self.source in sources
        return known and (not self.wordings or any(contains(text, wording) for wording in self.wordings))


@dataclass(frozen=True, slots=True)
class Query:
    """A question as it is asked, and what it should find; ``rewritten`` is how a person made it stand alone."""

    question: str
    wanted: tuple[Wanted, ...]
    history: tuple[Turn, ...] = ()
    rewritten: str = ""


@dataclass(frozen=True, slots=True)
class Pool:
    """Texts by file name, which share an index, and the questions asked of them."""

    name: str
    documents: Mapping[str, str]
    queries: tuple[Query, ...]

    def write(self, folder: Path) -> Path:
        """Write the documents below ``folder`` and return where they are."""
        return Collection(self.name, self.documents, (), {}).write(folder).corpus[0]


def nfcorpus(data: Path) -> Iterator[Pool]:
    """Yield the medical abstracts with the development questions."""
    folder = data / "beir_nfcorpus"
    yield _beir(folder, "nfcorpus", folder / "qrels" / "dev.tsv")


def beir(data: Path) -> Iterator[Pool]:
    """Yield every set in the layout of BEIR: ``data`` itself, or the folders in it.

    A set has ``corpus.jsonl``, ``queries.jsonl`` (either may be compressed with gzip) and ``qrels/*.tsv``; of several
    judgements those of the test are taken, else those of the development. Raises ``InputError`` if there is no set, or
    a set lacks a part.
    """
    folders = [folder for folder in (data, *sorted(data.glob("*/"))) if _part(folder, "corpus.jsonl").exists()]
    if not folders:
        raise InputError(f"No set in the layout of BEIR is in {data}.", "Give the folder that has corpus.jsonl.")
    for folder in folders:
        judged = {path.stem: path for path in sorted((folder / "qrels").glob("*.tsv"))}
        if not judged:
            raise InputError(f"{folder} has no qrels/*.tsv.", "Without judgements there is nothing to measure.")
        split = next((name for name in ("test", "dev") if name in judged), next(iter(judged)))
        yield _beir(folder, f"{folder.name}-{split}", judged[split])


def _beir(folder: Path, name: str, judged: Path) -> Pool:
    questions = {row["_id"]: row["text"] for row in read_lines(_part(folder, "queries.jsonl"))}
    wanted = _judgements(judged)
    missing = next((id_ for id_ in wanted if id_ not in questions), None)
    if missing is not None:
        raise InputError(f"{judged} judges the query {missing!r}, which {folder / 'queries.jsonl'} does not have.")
    queries = tuple(Query(questions[id_], judgements) for id_, judgements in wanted.items())
    return Pool(name, _texts(_part(folder, "corpus.jsonl")), queries)


def _part(folder: Path, name: str) -> Path:
    packed = folder / f"{name}.gz"
    return packed if packed.exists() else folder / name


def mtrag(data: Path, domain: str) -> Iterator[Pool]:
    """Yield the pooled passages of a domain with the turns asked of them."""
    folder = data / "mtrag" / "mtrag-human" / "retrieval_tasks" / domain
    turns = {row["_id"]: _user_turns(row["text"]) for row in read_lines(folder / f"{domain}_questions.jsonl")}
    rewritten = {row["_id"]: _user_turns(row["text"])[-1] for row in read_lines(folder / f"{domain}_rewrite.jsonl")}
    queries = tuple(
        Query(turns[id_][-1], judged, tuple(Turn("user", said) for said in turns[id_][:-1]), rewritten[id_])
        for id_, judged in _judgements(folder / "qrels" / "dev.tsv").items()
    )
    yield Pool(f"mtrag-{domain}", _texts(data / "mtrag" / "pooled_corpus" / f"{domain}.jsonl.gz"), queries)


def summhay(data: Path) -> Iterator[Pool]:
    """Yield each topic's stack of articles; a query wants the articles with its insights, the more the higher."""
    paths = sorted((data / "summhay_news").glob("topic_*.json*"))
    if not paths:
        raise InputError(f"{data / 'summhay_news'} has no topic_*.json.", "Give the folder of the public sets.")
    for path in paths:
        topic = read_json(path)
        documents = {_file(each["document_id"]): f"{each['document_text'].strip()}\n" for each in topic["documents"]}
        queries = tuple(_insight_query(subtopic, topic["documents"]) for subtopic in topic["subtopics"])
        yield Pool(f"summhay-{path.name.partition('.')[0]}", documents, queries)


def _insight_query(subtopic: Mapping[str, Any], documents: Sequence[Mapping[str, Any]]) -> Query:
    own = {insight["insight_id"] for insight in subtopic["insights"]}
    held = {_file(each["document_id"]): len(own & {*each["insights_included"]}) for each in documents}
    return Query(subtopic["query"], tuple(Wanted(name, gain=count) for name, count in held.items() if count))


def doc2dial(data: Path) -> Iterator[Pool]:
    """Yield the pages of public services with every few turns asked of them."""
    pages = {page["title"]: page["text"] for page in read_lines(data / "doc2dial" / "documents.jsonl.gz")}
    names = {title: f"{number:03}.txt" for number, title in enumerate(pages)}
    documents = {names[title]: f"{title.split('#')[0]}\n\n{text}\n" for title, text in pages.items()}
    turns = read_lines(data / "doc2dial" / "turns.jsonl.gz")[::DIALOGUE_STEP]
    yield Pool("doc2dial", documents, tuple(_dialogue_query(turn, names[turn["title"]]) for turn in turns))


def _dialogue_query(turn: Mapping[str, Any], source: str) -> Query:
    """Return the latest turn with those before it: the set lists the latest first."""
    said = [line.strip().partition(":") for line in turn["dialogue"].split("\t")][::-1]
    history = tuple(Turn("user" if speaker == "user" else "assistant", text.strip()) for speaker, _, text in said[:-1])
    excerpts = [text.strip() for answer in ast.literal_eval(turn["answers"])["text"] for text in answer.split("\n")]
    wanted = tuple(Wanted(source, (sentence,)) for text in excerpts if text for sentence in _sentences(text))
    return Query(said[-1][2].strip(), wanted, history)


def chunking(data: Path) -> Iterator[Pool]:
    """Yield each long text with its questions."""
    folder = data / "chunking_eval"
    asked: dict[str, list[Query]] = defaultdict(list)
    for row in read_lines(folder / "questions.jsonl.gz"):
        source = f"{row['corpus_id']}.txt"
        excerpts = [each["content"] for each in ast.literal_eval(row["references"])]
        wanted = tuple(Wanted(source, (sentence,)) for text in excerpts for sentence in _sentences(text))
        asked[row["corpus_id"]].append(Query(row["question"], wanted))
    for name, queries in asked.items():
        text = read_json(folder / f"{name}.json.gz")["text"]
        yield Pool(f"chunking-{name}", {f"{name}.txt": text}, tuple(queries))


def _sentences(text: str) -> list[str]:
    return [text[span.start : span.end] for span in sentence_spans(text)]


def _user_turns(text: str) -> list[str]:
    return [said.strip() for said in re.split(r"(?:^|\n)\|user\|:", text)[1:]]


def _texts(path: Path) -> dict[str, str]:
    texts = {row["_id"]: (row.get("title", "").strip(), row["text"].strip()) for row in read_lines(path)}
    return {
        _file(id_): f"{title}\n\n{text.removeprefix(title).strip()}\n" if title else f"{text}\n"
        for id_, (title, text) in texts.items()
        if text
    }


def _judgements(path: Path) -> dict[str, tuple[Wanted, ...]]:
    wanted: dict[str, list[Wanted]] = defaultdict(list)
    for number, line in enumerate(path.read_text("utf-8").splitlines()[1:], 2):
        try:
            query, document, grade = line.split("\t")
            gain = int(grade)
        except ValueError as error:
            raise InputError(f"{path}:{number} is not a query, a document and a grade, parted by tabs.") from error
        if gain > 0:
            wanted[query].append(Wanted(_file(document), gain=gain))
    return {query: tuple(each) for query, each in wanted.items()}


def _file(id_: str) -> str:
    """Return the file of a document: its id is part of the name, never of the path, and hides no file."""
    name = quote(id_, safe=" ")
    return f"{'%2E' + name[1:] if name.startswith('.') else name}.txt"


def _asked_of(collection: Collection) -> Pool:
    return Pool(collection.name, collection.documents, tuple(filter(None, map(_case_query, collection.cases))))


def _case_query(case: Case) -> Query | None:
    if case.unanswerable:
        return None
    wanted = [Wanted(item.source, (item.quote,) if item.quote else ()) for item in case.evidence]
    return Query(case.question, tuple(wanted) or tuple(Wanted(None, group) for group in case.answer))


POOLS: Mapping[str, Callable[[Path], Iterator[Pool]]] = {
    "nfcorpus": nfcorpus,
    **{f"mtrag-{domain}": lambda data, domain=domain: mtrag(data, domain) for domain in MTRAG},  # type: ignore[misc]
    "summhay": summhay,
    "doc2dial": doc2dial,
    "chunking": chunking,
    "squad": lambda data: iter([_asked_of(joined("squad-all", squad(data)))]),
    "nq": lambda data: map(_asked_of, nq(data)),
    "realtimeqa": lambda data: map(_asked_of, realtimeqa(data)),
}
"""The sets by name, each read from the folder of the public sets."""
