"""Random histories of posts, edits, deletes, decisions, merges, splits, duplicates, sendings and restarts, against a simple model."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from services.alert import schema
from services.alert.cases import Action, Channel, Decision, Destination, Job, Status
from services.alert.due import DueRules
from services.alert.grouping import Taken, case_id
from services.alert.merging import Act, CannotMerge
from services.alert.slack_blocks import message
from services.alert.store import Store
from tests.unit.alert.examples import DELETE, NOW, UPDATE, myth_record, verdict

MYTHS = ["sunscreen-causes-cancer", "garlic-cures-flu", "moon-heals-bones"]
AUTHORS = [f"author{n}" for n in range(6)]
STEPS = 120


@dataclass
class Model:
    """What should be held: (case, text, author, myth) by post; and every text that must be nowhere."""

    held: dict[str, tuple[str, str, str, str]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    redirect: dict[str, str] = field(default_factory=dict)  # case by myth
    moved: dict[tuple[str, str], str] = field(default_factory=dict)  # case by (case, text)

    def put(self, post: str, text: str, author: str, myth: str) -> None:
        self.drop(post)
        case = self.redirect.get(myth, case_id(myth))
        self.held[post] = (self.moved.get((case, text), case), text, author, myth)

    def drop(self, post: str) -> None:
        if post in self.held:
            self.gone.add(self.held.pop(post)[1])


class History:
    """Plays one history on a real store, beside the model."""

    def __init__(self, url: str, seed: int) -> None:
        self.url, self.draw, self.model = url, random.Random(seed), Model()
        self.now_ms, self.number = NOW, 0
        self.sent: list[Taken] = []
        self.shown: dict[str, str] = {}  # what Slack shows now, by case
        self.posted: list[str] = []

    async def open(self) -> None:
        self.store = await Store.open(
            self.url, (Destination(Channel.SLACK, "C1"),), due=DueRules(edit_interval_ms=0, email_interval_ms=0)
        )

    async def take(self, *taken: Taken) -> None:
        self.sent += taken
        await self.store.take(taken, self.now_ms)

    async def step(self) -> None:
        self.now_ms += 1_000
        kinds = ["post"] * 8 + [
            "edit",
            "withdraw",
            "delete",
            "author",
            "again",
            "decide",
            "merge",
            "unmerge",
            "split",
            "send",
            "restart",
        ]
        await getattr(self, f"_{self.draw.choice(kinds)}")()

    def _text(self) -> str:
        self.number += 1
        return f"a claim told in words of its own, and this is telling number {self.number}x"

    async def _post(self) -> None:
        post, text = f"p:{len(self.sent)}", self._text()
        author, myth = self.draw.choice(AUTHORS), self.draw.choice(MYTHS)
        await self.take(verdict(post, text, author=author, myth=myth, at_ms=self.now_ms, created_ms=self.now_ms))
        self.model.put(post, text, author, myth)

    async def _edit(self) -> None:
        if post := self._any():
            text, (_, _, author, _) = self._text(), self.model.held[post]
            myth = self.draw.choice(MYTHS)
            await self.take(
                verdict(post, text, author=author, myth=myth, action=UPDATE, at_ms=self.now_ms, created_ms=self.now_ms)
            )
            self.model.put(post, text, author, myth)

    async def _withdraw(self) -> None:
        if post := self._any():
            author = self.model.held[post][2]
            await self.take(
                verdict(
                    post,
                    "harmless now",
                    author=author,
                    action=UPDATE,
                    flag=False,
                    at_ms=self.now_ms,
                    created_ms=self.now_ms,
                )
            )
            self.model.drop(post)

    async def _delete(self) -> None:
        if post := self._any():
            await self.take(verdict(post, action=DELETE, at_ms=self.now_ms))
            self.model.drop(post)

    async def _author(self) -> None:
        author = self.draw.choice(AUTHORS)
        await self.take(verdict(f"x:{author}", author="", account_gone=author, at_ms=self.now_ms))
        for post in [post for post, held in self.model.held.items() if held[2] == author]:
            self.model.drop(post)

    async def _again(self) -> None:
        """What Kafka delivers once more, after a restart, in its order."""
        if self.sent:
            start = self.draw.randrange(len(self.sent))
            await self.store.take(self.sent[start : start + 20], self.now_ms)

    async def _decide(self) -> None:
        action = self.draw.choice([Action.ACKNOWLEDGE, Action.MUTE, Action.NOT_A_MYTH, Action.REOPEN, Action.ANSWERED])
        case = case_id(self.draw.choice(MYTHS))
        view = await self.store.view(case, self.now_ms)
        if view is not None and view.case.status is not Status.MERGED:
            await self.store.decide(Decision(case, action, "anna", "console", f"d{self.now_ms}"), self.now_ms)

    async def _merge(self) -> None:
        one, other = self.draw.sample(MYTHS, 2)
        try:
            await self.store.merge(case_id(one), case_id(other), self._act(), self.now_ms)
        except CannotMerge:
            return
        source, target = case_id(one), case_id(other)
        self.model.redirect = {m: target if c == source else c for m, c in self.model.redirect.items()} | {one: target}
        self._move(lambda held: held[0] == source, target)
        self.model.moved = {
            key: target if case == source else case
            for key, case in self.model.moved.items()
            if not (key[0] == target and case == source)
        }

    async def _unmerge(self) -> None:
        myth = self.draw.choice(MYTHS)
        view = await self.store.view(case_id(myth), self.now_ms)
        if view is None:
            return
        into = view.case.merged_into
        try:
            await self.store.unmerge(case_id(myth), self._act(), self.now_ms)
        except CannotMerge:
            return
        self.model.redirect.pop(myth, None)
        self._move(lambda held: held[0] == into and held[3] == myth, case_id(myth))

    async def _split(self) -> None:
        case = self.draw.choice([case_id(myth) for myth in MYTHS])
        posts = [post for post, held in self.model.held.items() if held[0] == case]
        chosen = posts[: max(1, len(posts) // 2)]
        try:
            new = await self.store.split(case, chosen, self._act(), self.now_ms)
        except CannotMerge:
            return
        for post in chosen:
            _, text, author, myth = self.model.held[post]
            self.model.held[post] = (new, text, author, myth)
            self.model.moved[case, text] = new

    async def _send(self) -> None:
        """As the sender does, until nothing is due."""
        while job := await self.store.outbox.claim(Channel.SLACK, self.now_ms):
            await self._send_one(job)

    async def _send_one(self, job: Job) -> None:
        view = await self.store.view(job.case_id, self.now_ms)
        assert view is not None
        if job.action == "post":
            assert job.case_id not in self.shown, "a second message for one case"
            self.posted.append(job.case_id)
        self.shown[job.case_id] = str(message(view, "http://console", "en", buttons=True))
        await self.store.outbox.sent(job, view, f"ts-{job.case_id}", self.now_ms)

    async def _restart(self) -> None:
        await self.store.close()
        await self.open()

    def _any(self) -> str:
        return self.draw.choice(sorted(self.model.held)) if self.model.held else ""

    def _act(self) -> Act:
        return Act("anna", "console", f"act{self.now_ms}")

    def _move(self, which: object, case: str) -> None:
        for post, held in self.model.held.items():
            if which(held):  # type: ignore[operator]
                self.model.held[post] = (case, *held[1:])

    async def check(self) -> None:
        await self._send()
        by_case: dict[str, set[str]] = {}
        for post, (case, *_) in self.model.held.items():
            by_case.setdefault(case, set()).add(post)
        for case in await self.store.inbox(limit=1_000):
            wanted = by_case.get(case.id, set())
            assert {post.id for post in await self.store.posts(case.id, limit=1_000)} == wanted
            assert case.counts.posts == len(wanted)
            assert case.counts.authors == len({self.model.held[post][2] for post in wanted})
        dump = await self._everything()
        still = {text for _, text, *_ in self.model.held.values()}
        for text in self.model.gone - still:
            assert text not in dump
            assert all(text not in shown for shown in self.shown.values())
        assert len(self.posted) == len(set(self.posted))

    async def _everything(self) -> str:
        found = []
        async with self.store.database.reading() as connection:
            for table in schema.metadata.sorted_tables:
                found += [str(tuple(row)) for row in await connection.execute(table.select())]
        return "\n".join(found)


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_happens_counts_are_right_and_what_was_deleted_is_nowhere(tmp_path: Path, seed: int) -> None:
    history = History(f"sqlite+aiosqlite:///{tmp_path}/a.db", seed)
    await history.open()
    await history.store.set_myths([myth_record(myth) for myth in MYTHS], NOW)
    for step in range(STEPS):
        await history.step()
        if step % 20 == 19:
            await history.check()
    await history.store.close()
