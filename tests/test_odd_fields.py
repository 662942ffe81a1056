"""Filters over front matter as people write it, in both stores: what passes is what plain Python says."""

from __future__ import annotations

from pathlib import Path

import pytest

from index.corpus import Corpus
from index.errors import InputError
from index.files import find_files
from index.filters import parse_filter
from index.store.base import Store
from tests.embedding import HashingEmbedder
from tests.stores import both

FRONT_MATTER = {
    "year": "published: 2019",
    "month": "published: 2019-07",
    "zone": "published: 2019-07-15T23:30:00-05:00",
    "future": "published: 2031-01-01",
    "old": "published: 1965-03-02",
    "authors": "authors: [Ann Lee, Bo Fox]",
    "author": "author: {name: Kim Day, mail: kim@example.org}",
    "three": "priority: 3.0",
    "ten": "priority: 10",
    "below": "priority: -2",
    "high": "priority: high",
    "draft": "draft: true",
    "tags": "tags: [red, Blue, 7]",
    "nested": "project: {name: harbour, phase: 2}",
    "team": "team: [{name: Ann}, {name: Bo}, [x]]",
    "dotted": "build.no: 5",
    "english": "lang: EN",
    "time": "starts: 09:30",
    "due": "due: 2025-03-01T10:00:00",
    "quoted": 'project: the "big", one',
}
EVERY = frozenset(FRONT_MATTER)
CASES = {
    "published=2019": {"year", "month", "zone"},
    "published<=2019-07-15": {"year", "month", "zone", "old"},
    "published<2019-07-16": {"zone", "old"},
    "published<1970": {"old"},
    "published>2030": {"future"},
    "published=1960..2019-06": {"year", "old"},
    "author=bo fox": {"authors"},
    "author=Kim Day and author.mail~example": {"author"},
    "priority>=3": {"three", "ten"},
    "priority<100": {"three", "ten", "below"},
    "priority>zero": set(),
    "priority>a": {"high"},
    "priority in (3, high)": {"three", "high"},
    "draft=TRUE": {"draft"},
    "tags=blue and tags=7": {"tags"},
    "project=harbour or project.phase>=3": {"nested"},
    "team in (Bo, Cy)": {"team"},
    "build.no=5": {"dotted"},
    "language=en": {"english"},
    "starts<10:00": {"time"},
    "starts<10": set(),
    "due<2025-03-02": {"due"},
    'project=the "big"': {"quoted"},
    "section=two and not (draft=true or priority>=3)": EVERY - {"draft", "three", "ten"},
    "not (priority>=3 and not (priority=10)) and priority!=high": EVERY - {"three", "high"},
    "page>=1": set(),
}


@pytest.fixture
def corpus(store: Store, tmp_path: Path) -> Corpus:
    for name, fields in FRONT_MATTER.items():
        (tmp_path / f"{name}.md").write_text(f"---\n{fields}\n---\n\n# Title\n\nThe {name} text.\n\n## Two\n\nMore.\n")
    corpus = Corpus(store, HashingEmbedder(), 60)
    corpus.add(find_files([tmp_path / f"{name}.md" for name in FRONT_MATTER]))
    return corpus


@both
def test_what_passes_is_what_plain_python_says(corpus: Corpus) -> None:
    names = {info.id: info.sources[0].removesuffix(".md") for info in corpus.documents()}
    query = corpus.embedder.embed_query("text")

    def passing(text: str) -> set[str]:
        return {names[id_.rpartition("-")[0]] for id_, _ in corpus.store.dense(query, 99, parse_filter(text))}

    assert {text: passing(text) for text in CASES} == CASES


@both
def test_a_slip_names_the_field_and_the_nearest_one(corpus: Corpus) -> None:
    query = corpus.embedder.embed_query("text")
    for text, told in (
        ("priorty=3", "No document has the field 'priorty', .* Did you mean priority"),
        ("project.phas=2", "No document has the field 'project.phas', .* Did you mean project.phase"),
        ("published>soon", "The field 'published' holds dates, and 'soon' .* is none"),
    ):
        with pytest.raises(InputError, match=told):
            corpus.store.dense(query, 9, parse_filter(text))
