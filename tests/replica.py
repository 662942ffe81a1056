"""A streaming replica of the tests' PostgreSQL, which can take the primary's place."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.postgres import DATABASE, PASSWORD, ROLE, Postgres


class Replica(Postgres):
    """Follows a primary. What the primary acknowledged is here before the primary says so."""

    def __init__(self, primary: Postgres, folder: Path) -> None:
        super().__init__(primary._programs, folder)
        self._primary = primary

    def make(self) -> None:
        """Copy the primary, follow it, and let it wait for this replica at each commit."""
        if self._as:
            self._folder.chmod(0o700)
            shutil.chown(self._folder, self._as["user"], self._as["group"])
        source = self._primary.url("postgres", database="postgres") + "?application_name=replica"
        subprocess.run(
            [
                self._programs / "pg_basebackup",
                "-D",
                self._folder / "data",
                "-R",
                "-X",
                "stream",
                "-c",
                "fast",
                "-d",
                source,
            ],
            check=True,
            capture_output=True,
            cwd="/",
            **self._as,
        )
        self.start("wal_retrieve_retry_interval=200ms")  # else commits wait five seconds after the primary's restart
        self._primary.as_superuser(
            "ALTER SYSTEM SET synchronous_standby_names = 'replica'",
            "ALTER SYSTEM SET synchronous_commit = 'remote_apply'",
            "SELECT pg_reload_conf()",
        )

    def promote(self) -> None:
        """Take the primary's place, and wait for no replica of one's own."""
        self.as_superuser(
            "SELECT pg_promote(true, 60)",
            "ALTER SYSTEM SET synchronous_standby_names = ''",
            "SELECT pg_reload_conf()",
        )

    @property
    def either(self) -> str:
        """The address of whichever of the two takes changes."""
        password = PASSWORD.replace(" ", "%20")
        hosts = f"127.0.0.1:{self._primary.port},127.0.0.1:{self.port}"
        return f"postgresql://{ROLE}:{password}@{hosts}/{DATABASE}?target_session_attrs=read-write"


@contextmanager
def replicated(primary: Postgres) -> Iterator[Replica]:
    """Start a replica of a server that is this test's alone."""
    folder = Path(tempfile.mkdtemp(prefix="citechat-replica-"))
    replica = Replica(primary, folder)
    try:
        replica.make()
        yield replica
    finally:
        replica.stop()
        shutil.rmtree(folder, ignore_errors=True)
