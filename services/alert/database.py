"""The database behind the case store: SQLite (one file, one writer) or PostgreSQL, by URL.

A database that is locked, full or away raises NotReady: the consume loop then keeps its batch, the sender its message.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Table, event, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from services.stream.failures import NotReady
from services.stream.settings import SettingsError

MIGRATIONS = Path(__file__).with_name("migrations")
BUSY_S = 5
# Serialises migrations of several processes on PostgreSQL; any constant does, so long as nobody else uses it.
_MIGRATION_LOCK = 0x6D797468


class Database:
    """Two engines: `writing` transactions one after the other, `reading` ones beside them."""

    def __init__(self, url: str) -> None:
        try:
            self.url = make_url(url)
            self.is_sqlite = self.url.get_backend_name() == "sqlite"
            self.path = Path(self.url.database or "") if self.is_sqlite else None
            self._writer, self._reader = self._engines()
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError):
            raise SettingsError(
                "MYTHWATCH_ALERT_DATABASE_URL: not a database address; use sqlite+aiosqlite:///PATH or "
                "postgresql+psycopg://USER:PASSWORD@HOST/NAME"
            ) from None

    def _engines(self) -> tuple[AsyncEngine, AsyncEngine]:
        if not self.is_sqlite:
            engine = create_async_engine(
                self.url, pool_size=4, max_overflow=2, pool_timeout=BUSY_S, pool_pre_ping=True,
                connect_args={"connect_timeout": BUSY_S, "options": "-c statement_timeout=30000"}, hide_parameters=True,
            )  # fmt: skip
            return engine, engine
        if not self.url.database or self.url.database == ":memory:":
            raise ArgumentError("a file is needed")
        options: dict[str, Any] = {"connect_args": {"timeout": BUSY_S}, "pool_timeout": 30, "hide_parameters": True}
        writer = create_async_engine(self.url, pool_size=1, max_overflow=0, **options)
        reader = create_async_engine(self.url, pool_size=3, max_overflow=2, **options)
        for engine, begin, query_only in ((writer, "BEGIN IMMEDIATE", 0), (reader, "BEGIN", 1)):
            _prepare_sqlite(engine, begin, query_only)
        return writer, reader

    async def migrate(self) -> None:
        """Bring the tables to this release. Raises NotReady when the database is away."""
        if self.path is not None:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise NotReady(f"{self.path.parent} cannot be made ({error.strerror})") from None
        async with self.writing() as connection:
            if not self.is_sqlite:
                await connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
            await connection.run_sync(_upgrade)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that is committed at the end, or rolled back when the body raises."""
        with _AwayIsNotReady():
            async with self._writer.begin() as connection:
                yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that sees one state of the database and changes nothing."""
        with _AwayIsNotReady():
            async with self._reader.connect() as connection:
                if not self.is_sqlite:
                    connection = await connection.execution_options(
                        isolation_level="REPEATABLE READ", postgresql_readonly=True
                    )
                async with connection.begin():
                    yield connection

    def upsert(self, table: Table) -> Any:
        """An INSERT that has `on_conflict_do_update` and `on_conflict_do_nothing` on this database."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    async def forget_deleted(self) -> bool:
        """Overwrite what the write-ahead log still holds of deleted rows; False when a reader was in the way."""
        if not self.is_sqlite:
            return True
        with _AwayIsNotReady():
            async with self._writer.connect() as connection:
                raw = await connection.get_raw_connection()
                assert raw.driver_connection is not None
                async with raw.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)") as cursor:
                    busy, *_ = await cursor.fetchone()
                return not busy

    async def close(self) -> None:
        await self._writer.dispose()
        await self._reader.dispose()


class _AwayIsNotReady:
    """Turns "the database is away, locked or full" into NotReady; programming errors stay what they are."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, PoolTimeout):
            raise NotReady("the database is busy") from error
        if isinstance(error, DBAPIError) and _is_away(error):
            first_line = re.sub(r"(?i)(password|user)=\S+", r"\1=***", str(error.orig).strip().split("\n")[0])
            raise NotReady(f"the database is away ({first_line[:200]})") from error
        if isinstance(error, (ConnectionError, OSError)):
            raise NotReady(f"the database is away ({type(error).__name__})") from error


def _is_away(error: DBAPIError) -> bool:
    if error.connection_invalidated or isinstance(error, InterfaceError):
        return True
    # SQLite says OperationalError for wrong SQL too, which no waiting mends.
    wrong_sql = ("no such", "near ", "table ", "duplicate column")
    return isinstance(error, OperationalError) and not str(error.orig).startswith(wrong_sql)


def _prepare_sqlite(engine: AsyncEngine, begin: str, query_only: int) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def connect(connection: Any, _: Any) -> None:
        # SQLAlchemy says BEGIN itself (below): the driver's own way begins too late.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        # A batch is acknowledged to Kafka once it is committed, so a commit must survive a power cut.
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        # Deleted posts are overwritten, not only unlinked.
        cursor.execute("PRAGMA secure_delete=ON")
        cursor.execute("PRAGMA temp_store=MEMORY")
        cursor.execute(f"PRAGMA query_only={query_only}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
