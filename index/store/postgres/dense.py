"""Search by meaning: exact over few passages, through pgvector's HNSW graph over many."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import Connection, sql

from index.filters import Filter
from index.store.postgres import matching, rows
from index.store.postgres.server import Server
from index.types import Vector

EXACT = 10_000
"""Passages that are compared one by one, at most: those that pass the filter, or all there are."""

LARGEST = 4000
"""Dimensions that the graph takes in half precision; longer vectors are compared one by one."""

INDEX = "passages_vector"
_NEIGHBOURS, _CANDIDATES = 24, 200
"""How the graph is built: edges of a node, and nodes that a new one is compared with."""
_BUILT = sql.SQL("m = {}, ef_construction = {}").format(_NEIGHBOURS, _CANDIDATES)
_MOST_MEMORY = 2048
"""MiB that building the graph takes, at most."""
_MORE = 3
"""So many times what is asked for is taken from the graph, whose half precision and order are not exact."""


class DenseSearch:
    """The nearest passages by inner product, which for vectors of unit length is the cosine."""

    def __init__(self, server: Server, dimension: int) -> None:
        self._server = server
        self._dimension = int(dimension)
        self._half = f"halfvec({self._dimension})"
        self._indexable = dimension <= LARGEST

    def search(self, query: Vector, k: int, where: Filter | None = None) -> list[tuple[str, float]]:
        """Return the ids and cosines of the ``min(k, matches)`` nearest passages, best first, ties by id."""
        with self._server.snapshot():
            if where is not None:
                matching.check(where, self._server)
            condition = matching.compiled(where) if where else matching.Compiled("true", {})
            values = {**condition.values, "query": rows.literal(query), "k": int(k), "exact": EXACT}
            number, found = self._exactly(condition.text, values)
            if number > EXACT:
                found = self._through_graph(condition.text, values)
                if len(found) < min(k, number):  # so few pass that the graph was left before they were met
                    found = self._exactly(condition.text, values | {"exact": None})[1]
        return found

    def _exactly(self, condition: str, values: dict[str, object]) -> tuple[int, list[tuple[str, float]]]:
        """Count the passages that pass, up to one more than ``exact``; compare them if they are no more than that."""
        found = self._server.read(
            f"""WITH among AS MATERIALIZED
                    (SELECT p.row FROM passages p WHERE {condition} LIMIT %(exact)s::bigint + 1),
                size AS MATERIALIZED (SELECT count(*) AS number FROM among)
                SELECT size.number, found.id, found.score FROM size LEFT JOIN LATERAL
                    (SELECT p.id, -(p.vector <#> %(query)s::vector) AS score FROM passages p
                     WHERE (SELECT number <= coalesce(%(exact)s::bigint, number) FROM size)
                     AND p.row IN (SELECT row FROM among)
                     ORDER BY score DESC, p.id LIMIT %(k)s) found ON true
                ORDER BY found.score DESC, found.id""",
            values,
        )
        return found[0][0], [(id_, float(score)) for _, id_, score in found if id_ is not None]

    def _through_graph(self, condition: str, values: dict[str, object]) -> list[tuple[str, float]]:
        statement = f"""SELECT id, score FROM
                (SELECT p.id, -(p.vector <#> %(query)s::vector) AS score FROM passages p WHERE {condition}
                 ORDER BY p.vector::{self._half} <#> %(query)s::{self._half} LIMIT %(k)s * {_MORE}) p
            ORDER BY score DESC, id LIMIT %(k)s"""
        # So many pass that the graph is the way, whatever old statistics make of the filter.
        with self._server.connection() as connection, connection.pipeline():
            connection.execute("SELECT set_config('enable_sort', 'off', true)")
            found = connection.execute(statement, values, binary=True)
            connection.execute("SELECT set_config('enable_sort', 'on', true)")
            return [(id_, float(score)) for id_, score in found.fetchall()]

    def wanted(self) -> bool:
        """Tell whether there are enough passages for the graph and it is not there."""
        ((passages, there),) = self._server.read("SELECT passages, to_regclass(%s) FROM state", (INDEX,))
        return passages > EXACT and self._indexable and there is None

    def index(self, connection: Connection) -> bool:
        """Build the graph where it is wanted; tell whether it was built.

        It is built at once, which takes a fraction of what adding to it passage by passage does.
        """
        if not self.wanted():
            return False
        with self.building(connection):
            connection.execute(
                sql.SQL("CREATE INDEX {} ON passages USING hnsw ((vector::{}) halfvec_ip_ops) WITH ({})").format(
                    sql.Identifier(INDEX), sql.SQL(self._half), _BUILT
                )
            )
        for table in ("passages", "fields", "terms", "postings"):
            connection.execute(f"VACUUM (ANALYZE) {table}")  # words are then found in their index alone
        return True

    def renew(self, connection: Connection) -> None:
        """Let the graph be built as it is now when its table is written anew, however that was before."""
        connection.execute(sql.SQL("ALTER INDEX IF EXISTS {} SET ({})").format(sql.Identifier(INDEX), _BUILT))

    @contextmanager
    def building(self, connection: Connection) -> Iterator[None]:
        """Give the connection the memory that building the graph takes: with less it goes on on disk, far slower."""
        ((passages,),) = connection.execute("SELECT passages FROM state").fetchall()
        needed = min(_MOST_MEMORY, 64 + passages * (2 * self._dimension + 64 * _NEIGHBOURS) // 2**20)
        connection.execute("SELECT set_config('maintenance_work_mem', %s, false)", (f"{needed}MB",))
        try:
            yield
        finally:
            if not connection.closed:
                connection.execute("RESET maintenance_work_mem")
