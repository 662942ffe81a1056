"""Search by words: BM25 over the postings, with the figures that SQLite's bm25() gives."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from index import bm25
from index.filters import Filter
from index.store.postgres import lexicon, matching
from index.store.postgres.server import Server

_UNITS = 1e15
"""Scores are added up as whole numbers of this part, so that no order of adding changes one: ties stay ties."""

_RARITY = f"""greatest({bm25.LEAST}::float8,
    ln(((SELECT passages FROM state) - t.passages + 0.5)::float8 / (t.passages + 0.5)::float8))"""
_SCORE = (
    f"a.weight * o.frequency * {bm25.CONTEXT_WEIGHT * (bm25.K1 + 1)}::float8 / "
    f"(o.frequency * {bm25.CONTEXT_WEIGHT}::float8 + "
    f"{bm25.K1}::float8 * ({1 - bm25.B}::float8 + {bm25.B}::float8 * o.length / a.average))"
)
"""The formula of `index.bm25`; the stored frequency counts an occurrence in the context once, one in the text twice."""


class LexicalSearch:
    """The passages that hold any of some words or phrases."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def search(self, words: Sequence[str], k: int, where: Filter | None = None) -> list[tuple[str, float]]:
        """Return ids and BM25 scores, best first, ties by id."""
        phrases = Counter(filter(None, map(lexicon.phrase, dict.fromkeys(words))))
        if not phrases:
            return []
        single = {phrase[0]: times for phrase, times in phrases.items() if len(phrase) == 1}
        with self._server.snapshot():
            if where is not None:
                matching.check(where, self._server)
            condition = matching.compiled(where) if where else None
            among = f"WHERE o.row IN (SELECT p.row FROM passages p WHERE {condition.text})" if condition else ""
            units = self._units({phrase: times for phrase, times in phrases.items() if len(phrase) > 1})
            found = self._server.read(
                f"""WITH asked AS MATERIALIZED
                        (SELECT t.id AS term, q.times * {_RARITY} AS weight,
                                (SELECT length::float8 / passages FROM state) AS average
                         FROM unnest(%(terms)s::text[], %(times)s::int[]) AS q (term, times)
                         JOIN terms t ON t.term = q.term AND t.passages > 0)
                    SELECT p.id, best.units FROM
                        (SELECT o.row, sum(o.units) AS units FROM
                            (SELECT o.row, ({_SCORE} * {_UNITS}::float8)::bigint AS units
                             FROM asked a CROSS JOIN LATERAL  -- through the index, term by term: OFFSET is the fence
                                 (SELECT row, frequency, length FROM postings WHERE term = a.term OFFSET 0) o
                             UNION ALL SELECT * FROM unnest(%(rows)s::bigint[], %(units)s::bigint[])) o (row, units)
                         {among} GROUP BY o.row ORDER BY units DESC FETCH FIRST %(k)s ROWS WITH TIES) best
                    JOIN passages p ON p.row = best.row ORDER BY best.units DESC, p.id LIMIT %(k)s""",
                {
                    **(condition.values if condition else {}),
                    "terms": list(single),
                    "times": list(single.values()),
                    "k": int(k),
                    "rows": list(units),
                    "units": list(units.values()),
                },
            )
        return [(id_, float(units) / _UNITS) for id_, units in found]

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
