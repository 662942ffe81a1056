"""What was found, each thing once: the story that several papers print is found where it is best.

A passage that says nearly the same as a better one is only named by it. Where passages are cut at other places, a
passage repeats sentences of several better ones: then it is found with what is left of it, if anything is.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from index.store.base import StoredPassage
from index.terms import content_stems, stem
from index.types import Passage, Span
from rag.reader.spans import capitalised

NEAR_DUPLICATE = 0.8
"""Passages that share this part of their distinct terms (Jaccard) say the same."""
TELLING = 40
"""Characters from which the same words in another document are no accident."""
REPEATED = 2
"""Sentences of other documents from which a passage repeats their story; fewer do if they are half of its text."""


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that was found, with what the reader needs of it.

    ``score`` orders (higher is better), ``dense`` is a cosine, ``lexical`` BM25 (0 where no word occurs). ``also`` are
    the ids of other documents with nearly the same passage, or with sentences of it. Of a passage that repeats others,
    ``stored`` has the sentences that it alone has, and the text from the first to the last of them.
    """

    stored: StoredPassage
    score: float
    dense: float
    lexical: float
    also: tuple[str, ...] = ()


def distinct(found: Iterable[Found], limit: int, score: Callable[[StoredPassage], float]) -> list[Found]:
    """Return the best ``limit`` of what was found, best first, each thing once.

    ``score`` is asked again for what is left of a passage. As many as ``limit`` are looked at beyond those kept, for
    near-duplicates alone.
    """
    waiting = [(-each.score, each.stored.passage.id, False, each) for each in found]
    heapq.heapify(waiting)
    kept = _Kept()
    more = limit
    while waiting and more >= 0:
        _, id_, cut, hit = heapq.heappop(waiting)
        terms = set(content_stems(hit.stored.passage.text))
        if (number := kept.like(hit, terms)) is not None:
            kept.also(number, hit)
        elif told := kept.told_by(hit, cut=cut):
            for number in set(told.values()):
                kept.also(number, hit)
            if len(told) < len(hit.stored.passage.sentences):
                rest = _without(hit.stored, told)
                rescored = replace(hit, stored=rest, score=min(hit.score, score(rest)))
                heapq.heappush(waiting, (-rescored.score, id_, True, rescored))
        elif len(kept.found) < limit:
            kept.add(hit, terms)
        if len(kept.found) == limit:
            more -= 1
    return kept.found


class _Kept:
    """What is kept so far, by its terms and by its sentences."""

    def __init__(self) -> None:
        self.found: list[Found] = []
        self._terms: list[set[str]] = []
        self._owners: dict[str, int] = {}

    def add(self, hit: Found, terms: set[str]) -> None:
        for _, sentence in _sentences(hit.stored.passage):
            self._owners.setdefault(sentence, len(self.found))
        self.found.append(hit)
        self._terms.append(terms)

    def also(self, number: int, hit: Found) -> None:
        """Have what is kept name the document of another hit."""
        better = self.found[number]
        ids = dict.fromkeys((*better.also, hit.stored.passage.document_id, *hit.also))
        also = tuple(id_ for id_ in ids if id_ != better.stored.passage.document_id)
        self.found[number] = replace(better, also=also)

    def like(self, hit: Found, terms: set[str]) -> int | None:
        """Return the number of what says nearly the same as a hit with these terms."""
        for number, (better, other) in enumerate(zip(self.found, self._terms, strict=True)):
            if _is_alike(terms, other) and not _names_another(hit, terms, better, other):
                return number
        return None

    def told_by(self, hit: Found, *, cut: bool) -> dict[Span, int]:
        """Return the sentences of other documents that a hit repeats, and who has them.

        They must be enough to be the same story, which is known of a hit that was ``cut`` already.
        """
        passage = hit.stored.passage
        told = {
            span: number
            for span, sentence in _sentences(passage)
            if (number := self._owners.get(sentence)) is not None
            and self.found[number].stored.passage.document_id != passage.document_id
        }
        enough = len(told) >= REPEATED or 2 * sum(span.end - span.start for span in told) >= len(passage.text)
        return told if cut or enough else {}


def _without(stored: StoredPassage, told: Collection[Span]) -> StoredPassage:
    """Return a passage without these sentences, from the first to the last of the others, of which there are some."""
    passage = stored.passage
    left = [number for number, span in enumerate(passage.sentences) if span not in told]
    spans = tuple(passage.sentences[number] for number in left)
    start, end = spans[0].start, spans[-1].end
    text = passage.text[start - passage.start : end - passage.start]
    own = replace(passage, start=start, end=end, text=text, sentences=spans)
    return replace(stored, passage=own, sentence_vectors=stored.sentence_vectors[left])


def _sentences(passage: Passage) -> Sequence[tuple[Span, str]]:
    """Return the telling sentences of a passage, each with its words alone."""
    return [
        (span, " ".join(passage.text[span.start - passage.start : span.end - passage.start].split()))
        for span in passage.sentences
        if span.end - span.start >= TELLING
    ]


def _is_alike(own: set[str], other: set[str]) -> bool:
    return len(own & other) >= NEAR_DUPLICATE * len(own | other) and not _figures(own ^ other)


def _names_another(hit: Found, own: set[str], better: Found, other: set[str]) -> bool:
    """Tell whether each of two texts has a name that the other lacks: then they contradict each other, too."""

    def lacking(found: Found, stems: set[str]) -> bool:
        return any(stem(name) not in stems for name in capitalised(found.stored.passage.text))

    return lacking(hit, other) and lacking(better, own)


def _figures(stems: set[str]) -> bool:
    """Tell whether words hold a figure: texts that differ in one contradict each other, however alike they are."""
    return any(character.isdigit() for stem_ in stems for character in stem_)
