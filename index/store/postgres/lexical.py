"""Search by words: BM25 over the postings, with the figures that SQLite's bm25() gives.

A question's frequent words have most of the postings and least of the score. So its rare words are looked up first;
once the others together cannot lift a passage that holds none of the rare ones among the best, theirs are looked up
only for the passages that still can be (MaxScore: Turtle and Flood, *Query evaluation: strategies and optimizations*,
Information Processing & Management 31(6), 1995). What is found is what looking up all of them finds.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from index import bm25
from index.filters import Filter
from index.store.postgres import lexicon, matching
from index.store.postgres.server import Server

_UNITS = 1e12
"""Scores are added up as whole numbers of this part, so that no order of adding changes one: ties stay ties. A double
holds them exactly up to scores of 9,000."""

FEW = 20_000
"""Postings of a question that are all looked up, without asking first which could matter."""
FIRST = 2_000
"""Postings of its rarest words that tell what can matter, at least."""

_LOOK_UPS = 1.5
"""So many single look-ups, at most, in place of one posting that is read with its neighbours."""

_SCORE = (
    f"a.weight * o.frequency * {bm25.CONTEXT_WEIGHT * (bm25.K1 + 1)}::float8 / "
    f"(o.frequency * {bm25.CONTEXT_WEIGHT}::float8 + "
    f"{bm25.K1}::float8 * ({1 - bm25.B}::float8 + {bm25.B}::float8 * o.length / %(average)s::float8))"
)
"""The formula of `index.bm25`; the stored frequency counts an occurrence in the context once, one in the text twice."""
_WHOLE = f"round({_SCORE} * {_UNITS}::float8)"


@dataclass(frozen=True, slots=True)
class _Term:
    """A term of a question: its number, how many passages hold it, and its rarity by how often it is asked for."""

    id: int
    passages: int
    weight: float

    @property
    def most(self) -> float:
        """What it adds to a score at most, in units, whatever passage holds it."""
        return self.weight * (bm25.K1 + 1) * _UNITS + 1


class LexicalSearch:
    """The passages that hold any of some words or phrases."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def search(self, words: Sequence[str], k: int, where: Filter | None = None) -> list[tuple[str, float]]:
        """Return ids and BM25 scores, best first, ties by id."""
        phrases = Counter(filter(None, map(lexicon.phrase, dict.fromkeys(words))))
        if not phrases or k <= 0:
            return []
        with self._server.snapshot():
            if where is not None:
                matching.check(where, self._server)
            condition = matching.compiled(where) if where else matching.Compiled("", {})
            terms, average = self._terms({phrase[0]: times for phrase, times in phrases.items() if len(phrase) == 1})
            units = self._units({phrase: times for phrase, times in phrases.items() if len(phrase) > 1})
            if not terms and not units:
                return []
            values = {
                **condition.values,
                "k": int(k),
                "average": average,
                "rows": list(units),
                "units": list(units.values()),
            }
            first, edge = len(terms), 0.0
            held = list(accumulate(term.passages for term in terms))
            if where is None and held and held[-1] > FEW:  # a filter would be gone through twice
                some = next((number for number, postings in enumerate(held, 1) if postings > FIRST), len(terms))
                best = self._found(condition.text, values, terms[:some], terms[some:], None)
                if len(best) == k:  # what scores less than the last of these is not among the best
                    edge = best[-1][1]
                    first = _enough(terms, some, edge)
                    if held[first - 1] * (len(terms) - first) > _LOOK_UPS * (held[-1] - held[first - 1]):
                        first = len(terms)
            found = self._found(condition.text, values, terms[:first], terms[first:], edge)
        return [(id_, score / _UNITS) for id_, score in found]

    def _terms(self, asked: Mapping[str, int]) -> tuple[list[_Term], float]:
        """Return the terms that there are, the rarest first, and how long a passage is on average."""
        found = self._server.read(
            """SELECT s.passages, s.length::float8 / greatest(s.passages, 1), t.id, t.passages, t.term
               FROM state s LEFT JOIN terms t ON t.term = ANY(%s) AND t.passages > 0 ORDER BY t.passages, t.id""",
            (list(asked),),
        )
        total, average, *_ = found[0]
        terms = [
            _Term(id_, held, asked[term] * bm25.rarity(total, held)) for *_, id_, held, term in found if id_ is not None
        ]
        return terms, average

    def _found(
        self,
        condition: str,
        values: dict[str, object],
        first: Sequence[_Term],
        rest: Sequence[_Term],
        edge: float | None,
    ) -> list[tuple[str, float]]:
        """Return the ``k`` best ids and their scores in units, of the passages that hold any of the ``first`` terms.

        Those whose score with the ``rest`` cannot reach ``edge`` are left out; ``None``: all but the ``k`` best by the
        first terms alone.
        """
        among = f"WHERE o.row IN (SELECT p.row FROM passages p WHERE {condition})" if condition else ""
        cut = "HAVING sum(o.units) >= %(least)s::float8" if edge else ""
        if edge is None:
            cut = "ORDER BY units DESC LIMIT %(k)s"
        others = f"""+ coalesce((SELECT sum({_WHOLE}) FROM {_asked("rest")} CROSS JOIN LATERAL
            (SELECT frequency, length FROM postings WHERE term = a.term AND row = f.row OFFSET 0) o), 0)"""
        # OFFSET 0 is a fence: what follows it is looked up through the index, term by term and row by row.
        return self._server.read(
            f"""WITH found AS MATERIALIZED
                    (SELECT o.row, sum(o.units) AS units FROM
                        (SELECT o.row, {_WHOLE} FROM {_asked("first")} CROSS JOIN LATERAL
                             (SELECT row, frequency, length FROM postings WHERE term = a.term OFFSET 0) o
                         UNION ALL SELECT * FROM unnest(%(rows)s::bigint[], %(units)s::float8[])) o (row, units)
                     {among} GROUP BY o.row {cut}),
                scored AS MATERIALIZED (SELECT f.row, f.units {others if rest else ""} AS units FROM found f),
                last AS MATERIALIZED (SELECT units FROM scored ORDER BY units DESC LIMIT 1 OFFSET %(k)s - 1)
                SELECT p.id, s.units FROM scored s
                    CROSS JOIN LATERAL (SELECT id FROM passages WHERE row = s.row OFFSET 0) p
                WHERE s.units >= coalesce((SELECT units FROM last), 0) ORDER BY s.units DESC, p.id LIMIT %(k)s""",
            {
                **values,
                "first": [term.id for term in first],
                "first_weights": [term.weight for term in first],
                "rest": [term.id for term in rest],
                "rest_weights": [term.weight for term in rest],
                "least": (edge or 0.0) - _most(rest),
            },
        )

    def frequencies(self, words: Sequence[str]) -> dict[str, int]:
        """Return in how many passages each stem occurs."""
        keys = {word: lexicon.key(word) for word in words}
        storable = [key for key in keys.values() if "\0" not in key]
        found: dict[str, int] = dict(
            self._server.read("SELECT term, passages FROM terms WHERE term = ANY(%s)", (storable,))
        )
        return {word: found.get(key, 0) for word, key in keys.items()}

    def _units(self, phrases: dict[tuple[str, ...], int]) -> dict[int, int]:
        """Return what phrases of several terms add to the scores of the passages that hold them, by row."""
        if not phrases:
            return {}
        ((total, average),) = self._server.read("SELECT passages, length::float8 / greatest(passages, 1) FROM state")
        units: dict[int, int] = defaultdict(int)
        for phrase, times in phrases.items():
            held = {row: (number, length) for row, number, length in self._holding(phrase)}
            rarity = times * bm25.rarity(total, len(held))
            for row, (number, length) in held.items():
                units[row] += round(bm25.score(rarity, number, length, average) * _UNITS)
        return units

    def _holding(self, phrase: tuple[str, ...]) -> list[tuple[int, float, int]]:
        """Return the rows that hold a phrase, how often (weighted by column), and their lengths."""
        found = self._server.read(
            """WITH asked AS MATERIALIZED (SELECT id, term, passages FROM terms WHERE term = ANY(%(terms)s))
               SELECT a.term, o.row, o.length, o.positions FROM asked a CROSS JOIN LATERAL
                   (SELECT * FROM postings o WHERE o.term = a.id AND o.row = ANY (ARRAY
                       (SELECT r.row FROM postings r WHERE r.term = (SELECT id FROM asked ORDER BY passages LIMIT 1)))
                    OFFSET 0) o
               WHERE (SELECT count(*) FROM asked) = %(number)s""",
            {"terms": list(set(phrase)), "number": len(set(phrase))},
        )
        places: dict[int, dict[str, bytes]] = defaultdict(dict)
        lengths: dict[int, int] = {}
        for term, row, length, positions in found:
            places[row][term] = positions
            lengths[row] = length
        holding = []
        for row, own in places.items():
            if len(own) == len(set(phrase)):
                begins = lexicon.occurrences([own[term] for term in phrase])
                if len(begins):
                    in_text = int((begins % 2).sum())
                    weight = in_text + bm25.CONTEXT_WEIGHT * (len(begins) - in_text)
                    holding.append((row, weight, lengths[row]))
        return holding


def _asked(name: str) -> str:
    return f"unnest(%({name})s::int[], %({name}_weights)s::float8[]) AS a (term, weight)"


def _most(terms: Sequence[_Term]) -> float:
    """Return what terms add to a score at most, in units."""
    return sum(term.most for term in terms)


def _enough(terms: Sequence[_Term], first: int, edge: float) -> int:
    """Return how many terms, the rarest first, must be looked up so that the others cannot reach ``edge``."""
    while first < len(terms) and _most(terms[first:]) >= edge:
        first += 1
    return first
