"""One process at a time sends: whoever holds this lock. It falls free when its holder dies, however it dies.

SQLite: a lock on a file beside the database. PostgreSQL: an advisory lock of a connection kept for it.
"""

from __future__ import annotations

import asyncio
import fcntl
import os

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from services.alert.database import Database

RETRY_S = 1.0
# Any constant does, so long as nobody else uses it in the same database.
_KEY = 0x6D797474


class SenderLock:
    """Take it with `acquire`; ask `held` now and then: a lost connection loses the lock."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._file: int | None = None
        self._engine: AsyncEngine | None = None
        self._connection: AsyncConnection | None = None

    async def acquire(self, stopping: asyncio.Event) -> bool:
        """Wait for the lock; False when told to stop meanwhile."""
        while not stopping.is_set():
            try:
                if await self._try():
                    return True
            except (DBAPIError, OSError):
                await self.release()
            try:
                async with asyncio.timeout(RETRY_S):
                    await stopping.wait()
            except TimeoutError:
                pass
        return False

    async def held(self) -> bool:
        """Is it still ours?"""
        if self._file is not None:
            return True
        if self._connection is None:
            return False
        try:
            await self._connection.execute(text("SELECT 1"))
        except (DBAPIError, OSError):
            return False
        return True

    async def release(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
        try:
            if self._connection is not None:
                await self._connection.close()
            if self._engine is not None:
                await self._engine.dispose()
        except (DBAPIError, OSError):
            pass
        self._connection = self._engine = None

    async def _try(self) -> bool:
        if self._database.path is not None:
            return self._try_file(str(self._database.path) + ".sender")
        if self._connection is None:
            self._engine = create_async_engine(
                self._database.url,
                poolclass=NullPool,
                isolation_level="AUTOCOMMIT",
                connect_args={"connect_timeout": 5},
            )
            self._connection = await self._engine.connect()
        return bool((await self._connection.execute(text(f"SELECT pg_try_advisory_lock({_KEY})"))).scalar())

    def _try_file(self, path: str) -> bool:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._file = file
        return True
