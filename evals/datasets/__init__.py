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
``beir``    Any set in the layout of BEIR (``corpus.jsonl``, ``queries.jsonl``, ``qrels/*.tsv``): as in
    `evals.retrieval`, whether what is judged relevant is found; nothing is answered.
``mtrag``, ``summhay``  Turns of conversations, and queries over stacks of articles, in the same way: see `evals.pools`.
``squad-es``  The questions of ``squad2`` as a machine translated them into Spanish, one index per article.
``xquad``   The same paragraphs and questions in five languages, one index per language; all answerable.
``own``     Documents of ours in groups of five or so, one index per group, with questions in other words and with
    near-misses. They come with citechat: see `evals.datasets.own`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from evals.datasets.collection import Collection, joined, kept_out, spread
from evals.datasets.files import read_json, read_lines
from evals.datasets.news import article_text, realtimeqa
from evals.datasets.own import own
from evals.datasets.squad import squad, squad2, squad_es, xquad
from evals.datasets.wikipedia import clapnq, hotpot, nq, qed
from index.errors import InputError

__all__ = [
    "DATASETS",
    "Collection",
    "article_text",
    "joined",
    "kept_out",
    "load",
    "nq",
    "read_json",
    "read_lines",
    "realtimeqa",
    "spread",
    "squad",
]

DATASETS: Mapping[str, Callable[[Path], Iterator[Collection]]] = {
    "realtimeqa": realtimeqa,
    "squad2": squad2,
    "clapnq": clapnq,
    "nq": nq,
    "squad": squad,
    "squad-es": squad_es,
    "qed": qed,
    "hotpot": hotpot,
    "xquad": xquad,
    "own": own,
}


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
