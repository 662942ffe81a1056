"""One store's content to another, whatever their engines: nothing is parsed or embedded again."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from index.errors import IndexDamaged, InputError
from index.store.base import DocumentInfo, Origin, Store, StoredPassage
from index.terms import words

PROBES = 20
"""Passages, spread over the index, with whose vectors and words both stores are asked after the copy."""

_NEAREST = 10
_WORDS = 12
"""Words of a passage that both stores are asked for."""
_CLOSE = 1e-5
"""Difference of scores that counts as none: engines add up in different orders."""


@dataclass(frozen=True, slots=True)
class Migration:
    """What was copied, and what was there already."""

    documents: int
    passages: int
    already: int


def migrate(source: Store, target: Store, report: Callable[[DocumentInfo], None]) -> Migration:
    """Copy all documents, and prove that both stores hold the same and answer the same.

    What an interrupted run has copied is not copied again. ``report`` hears of each document once it is there.

    Raises:
        IndexDamaged: the source is damaged, or the target does not hold the same afterwards.
        InputError: the target holds what does not come from the source.
    """
    with target.changing(), source.reading():
        _refuse_damaged("The index to copy", source)
        origins = source.origins()
        foreign = target.origins().keys() - origins.keys()
        if foreign:
            raise InputError(
                f"The index to copy to holds {len(foreign)} sources that are not in the other one, "
                f"such as {min(foreign)}.",
                "Choose one that is empty, or remove them there first.",
            )
        copied = passages = already = 0
        there = target.origins()
        missing_of: dict[str, list[Origin]] = defaultdict(list)
        for location, origin in origins.items():
            if there.get(location) != origin:
                missing_of[origin.document_id].append(origin)
        for info in source.documents():
            missing = missing_of[info.id]
            if missing:
                document = source.document(info.id)
                stored = _passages(source, info)
                for origin in missing:
                    if document is not None:
                        target.put(document, origin, stored)
                copied, passages = copied + 1, passages + len(stored)
            else:
                already += 1
            report(info)
        target.forget()
        _refuse_damaged("The copy", target)
        _compare(source, target)
    return Migration(copied, passages, already)


def _passages(store: Store, info: DocumentInfo) -> list[StoredPassage]:
    ids = [f"{info.id}-{number}" for number in range(info.passages)]
    found = store.passages(ids)
    return [found[id_] for id_ in ids]


def _refuse_damaged(which: str, store: Store) -> None:
    problems = store.verify()
    if problems:
        raise IndexDamaged(f"{which} is damaged, in {len(problems)} places; the first: {problems[0]}")


def _compare(source: Store, target: Store) -> None:
    """Compare what both hold, row by row, and what they find.

    Raises:
        IndexDamaged: they differ.
    """
    for difference in itertools.chain(_rows(source, target), _answers(source, target)):
        raise IndexDamaged(f"The copy differs: {difference}.", "Copy into an empty index.")


def _rows(source: Store, target: Store) -> Iterator[str]:
    if source.origins() != target.origins():
        yield "it has other sources"
    listing = source.documents()
    if listing != target.documents():
        yield "it has other documents"
    for info in listing:
        if source.document(info.id) != target.document(info.id):
            yield f"document {info.id}"
        for one, other in zip(_passages(source, info), _passages(target, info), strict=True):
            if not _same(one, other):
                yield f"passage {one.passage.id}"


def _same(one: StoredPassage, other: StoredPassage) -> bool:
    return (
        (one.passage, one.digest, one.tokens) == (other.passage, other.digest, other.tokens)
        and np.array_equal(one.vector, other.vector)
        and np.array_equal(one.sentence_vectors, other.sentence_vectors)
    )


def _answers(source: Store, target: Store) -> Iterator[str]:
    """Yield the passages for which both stores find something else; the dense search of one may be approximate."""
    listing = source.documents()
    for info in listing[:: max(1, len(listing) // PROBES)]:
        (probe, *_) = _passages(source, info)
        asked = [word.group() for word in words(probe.passage.text)][:_WORDS]
        one, other = (store.lexical(asked, _NEAREST) for store in (source, target))
        if [id_ for id_, _ in one] != [id_ for id_, _ in other] or not np.allclose(_scores(one), _scores(other)):
            yield f"another lexical search for the words of passage {probe.passage.id}"
        one, other = (store.dense(probe.vector, 1) for store in (source, target))
        if not np.allclose(_scores(one), _scores(other), atol=_CLOSE):
            yield f"another dense search for the vector of passage {probe.passage.id}"


def _scores(found: list[tuple[str, float]]) -> list[float]:
    return [score for _, score in found]
