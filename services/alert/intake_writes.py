"""Verdicts into the database: one transaction for a batch, read once, decided in memory, written at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.alert import schema
from services.alert.cases import DAY_MS
from services.alert.database import Database
from services.alert.feedback_posts import forget_in_feedback
from services.alert.grouping import (
    FIRST_GENERATION,
    Gone,
    Held,
    Step,
    Taken,
    author_key,
    case_id,
    post_key,
    step,
    subject,
)  # fmt: skip
from services.alert.notification_rows import Cause
from services.alert.placements import placements
from services.alert.reconsider import Rules, new_case_values, reconsider
from services.alert.rows import post_values
from services.stream import events_pb2 as events


@dataclass(frozen=True)
class Changed:
    """What a batch did, for metrics: posts held, posts removed, verdicts that were known or overtaken."""

    held: int = 0
    removed: int = 0
    replaced: int = 0  # of those held: with another text than before
    nothing: int = 0


@dataclass
class _Batch:
    """What is known of the posts of a batch, as the batch goes on."""

    held: dict[str, Held]
    gone: dict[str, Gone]  # by tombstone key
    writes: dict[str, dict[str, Any]] = field(default_factory=dict)  # rows of `posts` by post id
    removed: set[str] = field(default_factory=set)
    tombstones: dict[str, dict[str, Any]] = field(default_factory=dict)
    myths: dict[str, str] = field(default_factory=dict)  # myth id by case id
    merged: dict[str, str] = field(default_factory=dict)  # case id by subject, where people merged
    split: dict[tuple[str, str], str] = field(default_factory=dict)  # case id by (case id, wording), where people split
    causes: dict[str, Cause] = field(default_factory=dict)
    replaced: int = 0
    nothing: int = 0

    def touch(self, case: str, post: events.SocialPost, trace: str) -> None:
        self.causes[case] = max(
            self.causes.get(case, Cause()), Cause(post.received_ms, trace), key=lambda cause: cause.received_ms
        )

    def bury(self, key: str, kind: str, at_ms: int, keep_ms: int, now_ms: int) -> None:
        old = self.gone.get(key)
        if old is not None and old.at_ms >= at_ms and (old.kind == kind or kind == "withdrawn"):
            return
        at_ms = max(at_ms, old.at_ms) if old is not None else at_ms
        self.gone[key] = Gone(kind, at_ms)
        self.tombstones[key] = {"key": key, "kind": kind, "at_ms": at_ms, "forget_ms": now_ms + keep_ms}


async def take(
    connection: AsyncConnection, database: Database, rules: Rules, taken: Sequence[Taken], now_ms: int
) -> Changed:
    """Apply `taken` in order; duplicates and late ones change nothing."""
    batch = await _read(connection, taken)
    for item in taken:
        await _apply(connection, batch, rules, item, now_ms)
    await _write(connection, database, batch, now_ms)
    await reconsider(connection, database, rules, batch.causes.keys(), now_ms, batch.causes)
    return Changed(len(batch.writes), len(batch.removed), batch.replaced, batch.nothing)


async def _read(connection: AsyncConnection, taken: Sequence[Taken]) -> _Batch:
    posts = [item.verdict.post for item in taken]
    held = await _held(connection, schema.posts.c.id.in_({post.id for post in posts}))
    keys = {post_key(post.id) for post in posts} | {author_key(post.author) for post in posts if post.author}
    query = select(schema.tombstones).where(schema.tombstones.c.key.in_(keys))
    gone = {row.key: Gone(row.kind, row.at_ms) for row in await connection.execute(query)}
    subjects = {subject(item.verdict) for item in taken}
    merged, split = await placements(connection, subjects)
    return _Batch(held, gone, merged=merged, split=split)


async def _held(connection: AsyncConnection, condition: Any) -> dict[str, Held]:
    row = schema.posts.c
    query = select(
        row.id, row.case_id, row.verdict_id, row.author, row.received_ms, row.classified_ms, row.edited
    ).where(condition)
    return {post_id: Held(*values) for post_id, *values in await connection.execute(query)}


async def _apply(connection: AsyncConnection, batch: _Batch, rules: Rules, item: Taken, now_ms: int) -> None:
    verdict, post = item.verdict, item.verdict.post
    held = batch.held.get(post.id)
    author_gone = batch.gone.get(author_key(post.author)) if post.author else None
    what = step(verdict, held, batch.gone.get(post_key(post.id)), author_gone)
    if what is Step.HOLD:
        _hold(batch, item, held)
    elif what is Step.FORGET_AUTHOR:
        await _forget_author(connection, batch, rules, item, now_ms)
    elif what in (Step.DELETE, Step.WITHDRAW):
        at_ms = max(post.received_ms, held.received_ms) if held is not None else post.received_ms
        # Most deletes are of posts that were never held: those are remembered for as long as a late verdict may take.
        keep_ms = rules.tombstone_ms if held is not None else min(DAY_MS, rules.tombstone_ms)
        kind = "deleted" if what is Step.DELETE else "withdrawn"
        batch.bury(post_key(post.id), kind, at_ms, keep_ms, now_ms)
        if held is not None:
            _remove(batch, post.id, held, post, item.trace)
    else:
        batch.nothing += 1


def _hold(batch: _Batch, item: Taken, held: Held | None) -> None:
    verdict, post = item.verdict, item.verdict.post
    case = batch.merged.get(subject(verdict)) or case_id(subject(verdict))
    values = post_values(verdict, case)
    if moved := batch.split.get((case, values["wording"])):
        case = values["case_id"] = moved
    batch.myths[case] = subject(verdict)
    batch.held[post.id] = Held(
        case, values["verdict_id"], post.author, post.received_ms, verdict.classified_ms, values["edited"]
    )
    batch.writes[post.id] = values
    batch.removed.discard(post.id)
    batch.touch(case, post, item.trace)
    batch.replaced += held is not None
    if held is not None and held.case_id != case:
        batch.touch(held.case_id, post, item.trace)


def _remove(batch: _Batch, post_id: str, held: Held, post: events.SocialPost, trace: str) -> None:
    del batch.held[post_id]
    batch.writes.pop(post_id, None)
    batch.removed.add(post_id)
    batch.touch(held.case_id, post, trace)


async def _forget_author(connection: AsyncConnection, batch: _Batch, rules: Rules, item: Taken, now_ms: int) -> None:
    author, post = item.verdict.post.author_deleted, item.verdict.post
    batch.bury(author_key(author), "author", post.received_ms, rules.tombstone_ms, now_ms)
    stored = await _held(connection, schema.posts.c.author == author)
    here = {post_id: held for post_id, held in batch.held.items() if held.author == author}
    for post_id, held in (stored | here).items():
        # The event may come twice, and an account may be back by then: what it wrote since stays.
        if held.received_ms > post.received_ms:
            continue
        if post_id in here:
            _remove(batch, post_id, held, post, item.trace)
        elif post_id not in batch.held and post_id not in batch.removed:
            batch.removed.add(post_id)
            batch.touch(held.case_id, post, item.trace)


async def _write(connection: AsyncConnection, database: Database, batch: _Batch, now_ms: int) -> None:
    # Removed for good, or about to be written again in another case.
    if batch.removed:
        await connection.execute(schema.posts.delete().where(schema.posts.c.id.in_(batch.removed)))
        await forget_in_feedback(connection, batch.removed)
    if batch.tombstones:
        insert = database.upsert(schema.tombstones)
        new = {name: insert.excluded[name] for name in ("kind", "at_ms", "forget_ms")}
        await connection.execute(
            insert.on_conflict_do_update(index_elements=["key"], set_=new), list(batch.tombstones.values())
        )
    if not batch.writes:
        return
    needed = {row["case_id"] for row in batch.writes.values()}
    # Sorted, so that two processes that open the same cases wait for each other instead of deadlocking.
    cases = [new_case_values(case, batch.myths[case], FIRST_GENERATION, now_ms) for case in sorted(needed)]
    await connection.execute(database.upsert(schema.cases).on_conflict_do_nothing(), cases)
    upsert = database.upsert(schema.posts)
    columns = [column.name for column in schema.posts.columns if column.name != "id"]
    new = {name: upsert.excluded[name] for name in columns}
    await connection.execute(upsert.on_conflict_do_update(index_elements=["id"], set_=new), list(batch.writes.values()))
