"""What ``docs/deploy/`` and ``docs/deploy.md`` tell an operator to do, done."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
import yaml

from index import bm25
from index.errors import InputError
from index.store.base import Store
from index.store.opening import open_server
from index.store.postgres import lexicon
from rag.settings import Settings
from tests.documents import CANTEEN, LEAVE, NEWS, put
from tests.embedding import HashingEmbedder
from tests.postgres import DATABASE, PASSWORD, ROLE, Postgres, running_postgres
from tests.replica import replicated
from tests.stores import Place
from tests.terminal import ROOT
from ui.cli import _parser
from ui.kept.keeping import open_keeping

DEPLOY = ROOT / "docs" / "deploy"


@pytest.fixture
def owned(postgres: Postgres, schema: str) -> Iterator[str]:
    """A schema with the roles of ``docs/deploy/roles.sql``, named after it."""
    script = (DEPLOY / "roles.sql").read_text()
    postgres.as_superuser(*_renamed(script, schema))
    for role in ("owner", "web"):
        postgres.as_superuser(f"ALTER ROLE {schema}_{role} PASSWORD '{PASSWORD}'")
    yield schema
    postgres.as_superuser(
        *(f"DROP OWNED BY {schema}_{role} CASCADE" for role in ("owner", "web")),
        *(f"DROP ROLE {schema}_{role}" for role in ("owner", "web")),
    )


def _renamed(script: str, schema: str) -> list[str]:
    plain = re.sub(r"--.*", "", script).replace("citechat", schema)
    return [statement for statement in plain.split(";") if statement.strip()]


def _settings(postgres: Postgres, schema: str, role: str, home: Path) -> Settings:
    return Settings.model_validate({"home": home, "store": postgres.url(role), "store_schema": schema})


def test_a_web_server_that_only_answers_needs_few_rights(postgres: Postgres, owned: str, tmp_path: Path) -> None:
    owner = Place(tmp_path, postgres.url(f"{owned}_owner"), owned)
    with closing(owner.open()) as store:
        put(store, CANTEEN, "/a")
    with psycopg.connect(postgres.url(f"{owned}_owner"), autocommit=True) as connection:
        for statement in _renamed((DEPLOY / "web_rights.sql").read_text(), owned):
            connection.execute(statement.encode())
    keeping = open_keeping(_settings(postgres, owned, f"{owned}_web", tmp_path))
    id_, exchange = keeping.conversations.begin(None, "x", visitor="ann")
    keeping.feedback.append(exchange, "up")
    assert keeping.buckets("questions", 60, 2).wait("a") == 0.0
    assert keeping.ledger is not None
    assert keeping.ledger.session(keeping.ledger.begin("a")) is not None
    assert len(keeping.signing_key or b"") == 32
    keeping.conversations.forget("ann", id_)
    keeping.close()
    with closing(Place(tmp_path, postgres.url(f"{owned}_web"), owned).open()) as store:
        assert [info.id for info in store.documents()] == [CANTEEN.id]
        assert store.dense(HashingEmbedder().embed_query("canteen soup"), 1)
        for change in (lambda: put(store, LEAVE, "/b"), lambda: store.remove([CANTEEN.id])):
            with pytest.raises(InputError, match="may not"):
                change()
    with pytest.raises(psycopg.errors.InsufficientPrivilege), psycopg.connect(postgres.url(f"{owned}_web")) as web:
        web.execute(f"UPDATE {owned}.documents SET text = ''")


def test_one_collection_is_closed_to_the_roles_of_another(postgres: Postgres, owned: str, tmp_path: Path) -> None:
    with postgres.schema() as other, closing(Place(tmp_path, postgres.url(), other).open()) as store:
        put(store, CANTEEN, "/a")
        with psycopg.connect(postgres.url(f"{owned}_owner"), autocommit=True) as connection:
            for statement in (f"SELECT * FROM {other}.documents", f"DELETE FROM {other}.feedback"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement.encode())
        with pytest.raises(InputError, match=rf"{other}|may not"):
            Place(tmp_path, postgres.url(f"{owned}_owner"), other).open()


def test_a_backup_is_restored_and_proved(postgres: Postgres, schema: str, tmp_path: Path) -> None:
    with closing(Place(tmp_path, postgres.url(), schema).open()) as store:
        put(store, CANTEEN, "/a")
        put(store, LEAVE, "/b")
        before = _answers(store)
    server = open_server(postgres.url(), schema)
    server.close()
    dump = tmp_path / "citechat.dump"
    programs = postgres._programs
    source, target = postgres.url("postgres"), postgres.url("postgres", database="restored")
    environment = {"PATH": os.environ["PATH"]}
    commands: tuple[list[str | Path], ...] = (
        [programs / "pg_dump", f"--schema={schema}", "--format=custom", f"--file={dump}", source],
        [programs / "createdb", "--template=template0", f"--maintenance-db={source}", "restored"],
        [programs / "psql", "--command=CREATE EXTENSION vector", target],
        [programs / "pg_restore", "--exit-on-error", f"--dbname={target}", dump],
    )
    for command in commands:
        subprocess.run(command, check=True, capture_output=True, env=environment)
    try:
        with closing(Place(tmp_path, postgres.url(database="restored"), schema).open()) as store:
            assert store.verify() == []
            assert _answers(store) == before
            put(store, CANTEEN, "/c")  # and it goes on from there
            assert store.verify() == []
    finally:
        postgres.as_superuser("DROP DATABASE restored WITH (FORCE)", database="postgres")


def _answers(store: Store) -> list[object]:
    query = HashingEmbedder().embed_query("leave canteen soup")
    return [store.dense(query, 5), store.lexical(["leave", "soup"], 5), [info.id for info in store.documents()]]


def test_a_replica_answers_as_the_primary_does_and_takes_no_change(tmp_path: Path) -> None:
    with running_postgres() as primary, closing(Place(tmp_path, primary.url()).open()) as store:
        put(store, CANTEEN, "/a")
        with replicated(primary) as replica, closing(Place(tmp_path, replica.url()).open()) as second:
            assert _answers(second) == _answers(store)
            put(store, LEAVE, "/b")  # acknowledged: the replica shows it
            assert _answers(second) == _answers(store)
            with pytest.raises(InputError, match="only reads"):
                put(second, CANTEEN, "/c")
            primary.as_superuser(
                "ALTER SYSTEM SET synchronous_standby_names = ''", "SELECT pg_reload_conf()", database=DATABASE
            )


@pytest.fixture
def shards(postgres: Postgres, schema: str, tmp_path: Path) -> Iterator[tuple[str, tuple[Store, Store]]]:
    """Two stores in two databases, seen from the first as ``docs/deploy/shards.sql`` has it; named after the schema."""
    second = f"{schema}_second"
    postgres.as_superuser(f"CREATE DATABASE {second}", f"GRANT CREATE ON DATABASE {second} TO {ROLE}")
    postgres.as_superuser("CREATE EXTENSION vector", database=second)
    places = [Place(tmp_path, postgres.url(database=database), schema) for database in (DATABASE, second)]
    one, other = (place.open() for place in places)
    script = re.sub(r"--.*", "", (DEPLOY / "shards.sql").read_text())
    for number, database in ((1, DATABASE), (2, second)):
        there = f"host 'db{number}.example', port '5432', dbname 'citechat'"
        assert there in script
        script = script.replace(there, f"host '127.0.0.1', port '{postgres.port}', dbname '{database}'")
    script = script.replace("user 'citechat_reader', password '...'", f"user '{ROLE}', password '{PASSWORD}'")
    script = script.replace("SCHEMA citechat LIMIT", f"SCHEMA {schema} LIMIT").replace(
        "citechat_shard", f"{schema}_shard"
    )
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(script.encode())  # all of it at once: a function's body has semicolons
    yield f"{schema}_shard_1", (one, other)
    one.close()
    other.close()
    postgres.as_superuser(
        *(f"DROP SCHEMA {schema}_shard_{number} CASCADE" for number in (1, 2)),
        *(f"DROP SERVER {schema}_shard_{number} CASCADE" for number in (1, 2)),
        f"DROP DATABASE {second} WITH (FORCE)",
    )


def test_two_shards_seen_as_one_find_what_one_store_finds(
    postgres: Postgres, schema: str, shards: tuple[str, tuple[Store, Store]], tmp_path: Path
) -> None:
    seen, (one, other) = shards
    with closing(Place(tmp_path, postgres.url(), f"{schema}_whole").open()) as whole:
        for shard, document, location in ((one, CANTEEN, "/a"), (other, LEAVE, "/b"), (one, NEWS, "/c")):
            put(shard, document, location)
            put(whole, document, location)
        query = HashingEmbedder().embed_query("leave canteen soup")
        nearest, words = whole.dense(query, 4), whole.lexical(["leave", "days"], 9)
    with psycopg.connect(postgres.url("postgres")) as connection:
        literal = "[" + ",".join(map(str, query.tolist())) + "]"
        found = connection.execute(
            f"SELECT id, score FROM {seen}.nearest(%s::vector, 4)".encode(), (literal,)
        ).fetchall()
        plan = connection.execute(
            f"EXPLAIN (VERBOSE) SELECT * FROM {seen}.nearest(%s::vector, 4)".encode(), (literal,)
        ).fetchall()
        ((passages, length),) = connection.execute(f"SELECT * FROM {seen}.state_of_both".encode()).fetchall()
        scores: dict[str, float] = defaultdict(float)
        for (stem,) in map(lexicon.phrase, ("leave", "days")):
            ((holding,),) = connection.execute(
                f"SELECT passages FROM {seen}.terms_of_both WHERE term = %s".encode(), (stem,)
            ).fetchall()
            for number in (1, 2):
                of_shard = connection.execute(
                    """SELECT p.id, o.frequency, o.length FROM {0}.postings o JOIN {0}.terms t ON t.id = o.term
                       JOIN {0}.passages p ON p.row = o.row WHERE t.term = %s""".format(
                        f"{seen[:-1]}{number}"
                    ).encode(),
                    (stem,),
                ).fetchall()
                for id_, frequency, own in of_shard:
                    rarity = bm25.rarity(passages, holding)
                    scores[id_] += bm25.score(rarity, frequency * bm25.CONTEXT_WEIGHT, own, length / passages)
    assert [id_ for id_, _ in found] == [id_ for id_, _ in nearest]
    assert [score for _, score in found] == pytest.approx([score for _, score in nearest], abs=1e-5)
    remote = [line for (line,) in plan if "Remote SQL" in line]
    assert len(remote) == 2
    assert all("ORDER BY" in line and "LIMIT" in line for line in remote)  # only the nearest come over the network
    assert scores == pytest.approx(dict(words))


UNITS = sorted(file.name for file in DEPLOY.glob("*.service"))


@pytest.mark.parametrize("unit", UNITS)
def test_the_units_are_what_systemd_and_the_command_line_understand(unit: str, tmp_path: Path) -> None:
    text = (DEPLOY / unit).read_text()
    (command,) = re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)
    program, *arguments = command.split()
    assert _parser().parse_args(arguments).run
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd is not installed here")
    (tmp_path / unit).write_text(text.replace(program, "/bin/true"))
    done = subprocess.run([analyze, "verify", "--man=no", tmp_path / unit], capture_output=True, text=True, timeout=60)
    told = [line for line in done.stderr.splitlines() if line.startswith(unit.partition("@")[0])]
    assert (done.returncode, told) == (0, [])


def test_the_parts_of_the_compose_file_fit_together() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    services = compose["services"]
    aliases = set()
    for name, service in services.items():
        assert {*service.get("depends_on", ())} <= services.keys(), name
        for network in service.get("networks", {}).values():
            aliases |= {*network["aliases"]}
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert source in compose["volumes"] or source.startswith("./"), name
            assert not source.startswith("./") or (DEPLOY / source).exists() or source == "./certificates", name
        if service["image"].startswith("citechat"):
            program, *arguments = service["command"]
            assert program == "citechat"
            assert _parser().parse_args(arguments).run
    proxied = set(re.findall(r"server (\S+):7860", (DEPLOY / "nginx.conf").read_text()))
    assert proxied == aliases


def test_compose_takes_the_file(tmp_path: Path) -> None:
    compose = shutil.which("docker-compose")
    if compose is None:
        pytest.skip("docker-compose is not installed here")
    values = tmp_path / ".env"
    values.write_text("POSTGRES_PASSWORD=x\nCITECHAT_SIGNING_KEY=y\nADMIN_PASSWORD_HASH='$argon2id$v=19$x'\n")
    command = [compose, "--env-file", str(values), "--file", str(DEPLOY / "compose.yaml"), "config"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    settings = yaml.safe_load(done.stdout)["services"]["app1"]["environment"]
    assert settings["CITECHAT_ADMIN_PASSWORD_HASH"].replace("$$", "$") == "$argon2id$v=19$x"


def test_the_files_name_what_there_is() -> None:
    settings = {f"CITECHAT_{name.upper()}" for name in Settings.model_fields}
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    for name, service in compose["services"].items():
        for variable in service.get("environment", {}):
            assert variable in settings or not variable.startswith("CITECHAT_"), name
    guide = (ROOT / "docs" / "deploy.md").read_text()
    for variable in re.findall(r"CITECHAT_[A-Z_]+", guide + (DEPLOY / "citechat.service").read_text()):
        assert variable in settings, variable
    for file in DEPLOY.iterdir():
        assert f"docs/deploy/{file.name}" in guide, file.name
