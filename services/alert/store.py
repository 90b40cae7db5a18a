"""The case store: everything that the alert service keeps, behind one object.

The console reads through `inbox`, `totals`, `view`, `posts`, `history`, `tellings`, `myths`, and changes a case only
through `decide`, `merge`, `unmerge` and `split`. Every method raises NotReady while the database is away. Times are milliseconds UTC.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sqlalchemy import select

from services.alert import case_reads, feedback, intake_writes, merging, myth_rows, outbox_rows, response_rows, schema
from services.alert.case_routing import Routing
from services.alert.cases import (
    AuditEntry,
    Case,
    CaseView,
    Decided,
    Decision,
    Destination,
    Myth,
    Post,
    Status,
    Telling,
)  # fmt: skip
from services.alert.database import Database
from services.alert.digest_rows import Digests
from services.alert.due import DueRules
from services.alert.grouping import Taken
from services.alert.mute_desk import MuteDesk
from services.alert.myth_desk import MythDesk
from services.alert.reconsider import Rules, reconsider
from services.alert.responses import Response
from services.alert.routes import Routes
from services.alert.routing import Plan
from services.alert.triage import TriageRules

# Cases that are looked at in one transaction when the routes change.
_TOGETHER = 200


class Store:
    """Open it with `await Store.open(...)`; close it with `await store.close()`."""

    def __init__(self, database: Database, rules: Rules) -> None:
        self.database = database
        self.rules = rules
        self._listeners: list[asyncio.Event] = []
        # Deleted text may still stand in the write-ahead log: at start from a process that died, later after deletes.
        self.to_forget = True

    @classmethod
    async def open(
        cls,
        url: str,
        destinations: tuple[Destination, ...] = (),
        triage: TriageRules | None = None,
        due: DueRules | None = None,
        language: str = "en",
        tombstone_ms: int = 30 * 86_400_000,
    ) -> Store:
        """Connect and migrate. Raises SettingsError for a wrong `url`, NotReady while the database is away."""
        database = Database(url)
        try:
            await database.migrate()
        except BaseException:
            await database.close()
            raise
        rules = Rules(triage or TriageRules(), due or DueRules(), Routing(destinations), language, tombstone_ms)
        return cls(database, rules)

    async def close(self) -> None:
        await self.database.close()

    def subscribe(self) -> asyncio.Event:
        """An event that is set whenever something may be due, so that nobody has to poll fast; clear it yourself."""
        event = asyncio.Event()
        self._listeners.append(event)
        return event

    def changed(self) -> None:
        """Wake the senders and the publisher."""
        for event in self._listeners:
            event.set()

    # --- what people see

    async def inbox(
        self, statuses: Sequence[Status] = (), search: str = "", limit: int = 50, offset: int = 0
    ) -> list[Case]:
        """Cases, most urgent first, then latest; of any status when `statuses` is empty; `search` in the claim."""
        async with self.database.reading() as connection:
            return await case_reads.inbox(connection, statuses, search, limit, offset)

    async def totals(self) -> dict[Status, int]:
        """Number of cases of each status."""
        async with self.database.reading() as connection:
            return await case_reads.totals(connection)

    async def view(self, case_id: str, now_ms: int, evidence: int = 3) -> CaseView | None:
        """One case with its myth, its best `evidence` posts and its last 24 hours; None when there is no such case."""
        async with self.database.reading() as connection:
            return await case_reads.view(connection, case_id, now_ms, evidence)

    async def posts(self, case_id: str, limit: int = 50, offset: int = 0) -> list[Post]:
        """The posts held in a case, latest first."""
        async with self.database.reading() as connection:
            return await case_reads.posts_of(connection, case_id, limit, offset)

    async def history(self, case_id: str) -> list[AuditEntry]:
        """What happened to a case, latest first."""
        async with self.database.reading() as connection:
            return await case_reads.history(connection, case_id)

    async def tellings(self, case_id: str) -> list[Telling]:
        """Who was told of a case, latest first."""
        async with self.database.reading() as connection:
            return await case_reads.tellings(connection, case_id)

    async def myths(self) -> list[Myth]:
        """The knowledge base, by id."""
        async with self.database.reading() as connection:
            return await myth_rows.all_myths(connection)

    # --- what changes cases

    async def decide(self, decision: Decision, now_ms: int) -> Decided | None:
        """Apply a person's decision: case, feedback, audit and due notifications in one transaction.

        The same act twice changes nothing the second time. None when there is no such case.
        """
        async with self.database.writing() as connection:
            decided = await feedback.decide(connection, self.database, self.rules, decision, now_ms)
        self.changed()
        return decided

    async def merge(self, case_id: str, into: str, act: merging.Act, now_ms: int) -> bool:
        """Posts of a case, and later ones of its myth, go to another. False when this act is known. Raises CannotMerge."""
        async with self.database.writing() as connection:
            done = await merging.merge(connection, self.database, self.rules, case_id, into, act, now_ms)
        self.changed()
        return done

    async def unmerge(self, case_id: str, act: merging.Act, now_ms: int) -> bool:
        """A merged case gets its posts back. False when this act is known. Raises CannotMerge."""
        async with self.database.writing() as connection:
            done = await merging.unmerge(connection, self.database, self.rules, case_id, act, now_ms)
        self.changed()
        return done

    async def split(self, case_id: str, post_ids: Sequence[str], act: merging.Act, now_ms: int) -> str:
        """Some posts, and later ones of the same words, go to a case of their own: its id. Raises CannotMerge."""
        async with self.database.writing() as connection:
            new = await merging.split(connection, self.database, self.rules, case_id, post_ids, act, now_ms)
        self.changed()
        return new

    async def responses(self, myth_id: str) -> list[Response]:
        """Every answer proposed for a myth, latest version first."""
        async with self.database.reading() as connection:
            return await response_rows.of_myth(connection, myth_id)

    async def propose(self, proposal: response_rows.Proposal, now_ms: int) -> Response:
        """Keep an answer for approval, once per click. Raises CannotRespond."""
        async with self.database.writing() as connection:
            return await response_rows.propose(connection, proposal, now_ms)

    async def approve(self, response_id: str, myth_id: str, approver: str, now_ms: int, *, alone: bool = False) -> None:
        """Put an answer for a myth in force: messages show it, and its myth goes to the topic with it. Raises CannotRespond."""
        async with self.database.writing() as connection:
            await response_rows.approve(connection, response_id, myth_id, approver, now_ms, alone=alone)
            await myth_rows.refresh(connection, self.database, self.rules, myth_id, now_ms)
        self.changed()

    async def withdraw(self, response_id: str, myth_id: str, now_ms: int) -> None:
        """Take an answer for a myth back. Raises CannotRespond."""
        async with self.database.writing() as connection:
            await response_rows.withdraw(connection, response_id, myth_id)
            await myth_rows.refresh(connection, self.database, self.rules, myth_id, now_ms)
        self.changed()

    async def take(self, taken: Sequence[Taken], now_ms: int) -> intake_writes.Changed:
        """Apply verdicts, in their order, in one transaction; the same ones again change nothing."""
        async with self.database.writing() as connection:
            changed = await intake_writes.take(connection, self.database, self.rules, taken, now_ms)
        self.to_forget |= changed.removed + changed.replaced > 0
        self.changed()
        return changed

    async def set_myths(self, myths: Sequence[myth_rows.MythRecord], now_ms: int) -> None:
        """Keep new and changed myths, mark withdrawn ones, and reconsider the cases about them."""
        async with self.database.writing() as connection:
            await myth_rows.set_myths(connection, self.database, self.rules, myths, now_ms)
        self.changed()

    async def use_routes(self, routes: Routes, now_ms: int) -> None:
        """From now on these decide who is told; open cases are looked at again."""
        self.rules.routing.routes = routes
        async with self.database.reading() as connection:
            query = select(schema.cases.c.id).where(schema.cases.c.status == Status.OPEN.value)
            open_ones = list((await connection.execute(query)).scalars())
        for start in range(0, len(open_ones), _TOGETHER):
            async with self.database.writing() as connection:
                await reconsider(connection, self.database, self.rules, open_ones[start : start + _TOGETHER], now_ms)
        self.changed()

    async def plan(self, case_id: str, now_ms: int) -> Plan | None:
        """Who would be told of a case now, when, and why not; None when there is no such case. Needs routes."""
        view = await self.view(case_id, now_ms)
        if view is None:
            return None
        myths = {view.myth.id: view.myth} if view.myth else {}
        async with self.database.reading() as connection:
            plans = await self.rules.routing.plans(connection, [view.case], myths, now_ms)
        return plans[view.case.id]

    async def unknown_myths(self, myth_ids: set[str]) -> set[str]:
        """Those of `myth_ids` that the knowledge base has not given yet."""
        async with self.database.reading() as connection:
            return await myth_rows.unknown(connection, myth_ids)

    @property
    def outbox(self) -> outbox_rows.Outbox:
        """The outbox's side of the store, for the senders and the publisher."""
        return outbox_rows.Outbox(self.database, self.rules)

    @property
    def digests(self) -> Digests:
        """Digests' side of the store."""
        return Digests(self.database, self.rules)

    @property
    def myth_desk(self) -> MythDesk:
        """Where people write, approve and look up myths."""
        return MythDesk(self.database, self.rules, self.changed)

    @property
    def mute_desk(self) -> MuteDesk:
        """Where people mute topics and myths."""
        return MuteDesk(self.database, self.rules, self.changed)
