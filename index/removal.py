"""Removing documents, with a receipt: what went, and that no search finds it any more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from index.store.base import DocumentAltered, DocumentInfo, Store, StoredPassage
from index.terms import words

_PROBES = 20
"""Passages of a document that are searched for after it is gone, spread over it. Its rows are looked for one by one."""

_NEAREST = 10
_PHRASE = 8
"""Words of the phrase that a passage is searched for by."""


@dataclass(frozen=True, slots=True)
class Removal:
    """The receipt for one document.

    ``sources`` are the names that went. Where ``kept_sources`` is not empty, identical files have other names: then
    the text stays, and nothing else went. ``bytes`` are those of its text (UTF-8) and vectors. ``still_found`` counts
    the passages that dense, lexical and exact search find all the same (all 0 unless the index is damaged), and
    ``elsewhere`` names the sources of other documents that hold one of its passages word for word. ``erased`` tells
    whether its words are out of the files of the index too; if not, `Store.compact` erases them.
    """

    id: str
    title: str
    sources: tuple[str, ...]
    kept_sources: tuple[str, ...] = ()
    passages: int = 0
    vectors: int = 0
    characters: int = 0
    bytes: int = 0
    still_found: Mapping[str, int] = field(default_factory=dict)
    elsewhere: tuple[str, ...] = ()
    erased: bool = True


def remove(store: Store, doomed: Sequence[tuple[str, DocumentInfo]]) -> list[Removal]:
    """Remove what was named: by a document's id all of it, by a source that name, and the text with the last name."""
    named: dict[str, set[str]] = {}
    infos = {info.id: info for _, info in doomed}
    for name, info in doomed:
        named.setdefault(info.id, set()).update(info.sources if name == info.id else [name])
    whole = [info for info in infos.values() if named[info.id] >= set(info.sources)]
    with store.changing():
        contents = {info.id: _contents(store, info) for info in whole}
        receipts = {info.id: _receipt(store, info, contents[info.id]) for info in whole}
        partly = [info for info in infos.values() if info.id not in receipts]
        origins = store.origins([info.id for info in partly]).values()
        locations = {origin.source: origin.location for origin in origins}
        store.drop([locations[source] for info in partly for source in named[info.id]])
        store.remove(list(receipts))
        for info in partly:
            gone, kept = (tuple(s for s in info.sources if (s in named[info.id]) is each) for each in (True, False))
            receipts[info.id] = Removal(info.id, info.title, gone, kept)
        erased = not store.has_traces()
        for info in whole:
            receipts[info.id] = replace(_proved(store, receipts[info.id], contents[info.id]), erased=erased)
    return [receipts[id_] for id_ in infos]


def _contents(store: Store, info: DocumentInfo) -> list[StoredPassage]:
    return list(store.passages([f"{info.id}-{number}" for number in range(info.passages)]).values())


def _receipt(store: Store, info: DocumentInfo, passages: Sequence[StoredPassage]) -> Removal:
    try:
        document = store.document(info.id)
        text = document.text if document else ""
    except DocumentAltered as error:
        text = error.text
    stored = [vector for each in passages for vector in (each.vector.astype("f4"), each.sentence_vectors.astype("f2"))]
    return Removal(
        id=info.id,
        title=info.title,
        sources=info.sources,
        passages=info.passages,
        vectors=sum(1 + len(each.sentence_vectors) for each in passages),
        characters=info.characters,
        bytes=len(text.encode()) + sum(vector.nbytes for vector in stored),
    )


def _proved(store: Store, receipt: Removal, passages: Sequence[StoredPassage]) -> Removal:
    """Search for what is gone by each of the three ways, and complete the receipt."""
    own = {each.passage.id for each in passages}
    dense, lexical, exact = set(store.passages(list(own))), set[str](), set[str]()
    holders: set[str] = set()
    readable = [each for each in passages if each.passage.text]
    probes = readable[:: -(-len(readable) // _PROBES) or 1]
    for probe, found in zip(probes, store.holding([each.passage.text for each in probes]), strict=True):
        passage = probe.passage
        phrase = " ".join(word.group() for word in list(words(passage.text))[:_PHRASE])
        dense |= own & {id_ for id_, _ in store.dense(probe.vector, _NEAREST)}
        lexical |= own & {id_ for id_, _ in store.lexical([phrase] if phrase else [], _NEAREST)}
        exact |= {passage.id} if receipt.id in found else set()
        holders |= {*found} - {receipt.id}
    elsewhere = tuple(source for info in store.documents(list(holders)) for source in info.sources)
    found_by = {"dense": len(dense), "lexical": len(lexical), "exact": len(exact)}
    return replace(receipt, still_found=found_by, elsewhere=elsewhere)
