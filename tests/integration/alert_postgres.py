"""A real PostgreSQL of the system's packages, for tests: its own data folder, its own port, gone afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType

import psycopg

from tests.conftest import free_port


def _program(name: str) -> str:
    """Debian keeps PostgreSQL's programs by version, outside the path."""
    found = shutil.which(name) or next(
        (str(p) for p in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)), None
    )
    assert found, f"{name} is missing: install the package postgresql (make setup-test does)"
    return found


class Postgres:
    """`with Postgres() as server: url = server.new_database()`."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="mythwatch-postgres-"))
        self._data = self._folder / "data"
        self._port, self._number = free_port(), 0

    def __enter__(self) -> Postgres:
        self._folder.chmod(0o755)
        self._data.mkdir(mode=0o700)
        if os.getuid() == 0:  # PostgreSQL refuses to run as root
            shutil.chown(self._data, "postgres", "postgres")
        made = ("-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8")
        self._as_owner(_program("initdb"), "-D", str(self._data), *made)
        options = f"-p {self._port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        log = str(self._data / "log")
        self._as_owner(_program("pg_ctl"), "-D", str(self._data), "-l", log, "-w", "-o", options, "start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._as_owner(_program("pg_ctl"), "-D", str(self._data), "-m", "immediate", "-w", "stop")
        shutil.rmtree(self._folder)

    def new_database(self) -> str:
        """URL of an empty database."""
        self._number += 1
        name = f"test{self._number}"
        with psycopg.connect(
            f"host=127.0.0.1 port={self._port} user=postgres dbname=postgres", autocommit=True
        ) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
        return f"postgresql+psycopg://postgres@127.0.0.1:{self._port}/{name}"

    def _as_owner(self, *command: str) -> None:
        before = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        subprocess.run([*before, *command], check=True, stdout=subprocess.DEVNULL, cwd="/")
