"""Keeps a running classifier's knowledge as the topics have it: `myths`, and what `feedback` says of posts in `verdicts`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from services.classify.live_knowledge import LiveKnowledge
from services.stream import events_pb2 as events
from services.stream import metrics
from services.stream.codec import decode, header_map
from services.stream.failures import Invalid
from services.stream.follow import follow
from services.stream.logs import log
from services.stream.readiness import Readiness
from services.stream.topics import FEEDBACK, MYTHS, TOPICS, VERDICTS

FOLLOWED = (MYTHS, FEEDBACK, VERDICTS)


class KnowledgeReader:
    """Follows the topics until `stopping`; readiness `myths` is green once what was there at the start is known.

    `changed` is awaited after each batch that brought news: the classifier takes the knowledge over. `gather` is given
    (candidate narrative, text) of the posts that were counted under one, by whichever process.
    """

    def __init__(
        self,
        bootstrap: str,
        knowledge: LiveKnowledge,
        changed: Callable[[], Awaitable[None]],
        gather: Callable[[list[tuple[str, str]]], Awaitable[None]],
        readiness: Readiness,
    ) -> None:
        self._bootstrap, self._knowledge, self._readiness = bootstrap, knowledge, readiness
        self._changed, self._gather = changed, gather
        self._told: list[tuple[str, str]] = []

    async def run(self, stopping: asyncio.Event) -> None:
        await follow(self._bootstrap, FOLLOWED, self._take, self._readiness, "myths", stopping)

    async def _take(self, records: list[Any]) -> None:
        news = False
        for record in records:
            try:
                news |= self._take_one(record)
            except Invalid as invalid:
                # The alert service dead-letters what can't be read of `myths`; here it is only passed over.
                log.warning(
                    "record passed over", action="passed_over", topic=record.topic, partition=record.partition,
                    offset=record.offset, reason=str(invalid),
                )  # fmt: skip
        if self._told:
            told, self._told = self._told, []
            await self._gather(told)
        if news:
            await self._changed()
            myths, lessons = len(self._knowledge.myths()), len(self._knowledge.lessons())
            metrics.MYTHS_KNOWN.set(myths)
            metrics.LESSONS.set(lessons)
            log.info("knowledge changed", action="knowledge_changed", myths=myths, lessons=lessons)

    def _take_one(self, record: Any) -> bool:
        topic = TOPICS[record.topic]
        if topic is MYTHS and not record.value:
            return self._knowledge.take_myth((record.key or b"").decode("utf-8", "replace"), None)
        message = decode(topic, record.value, header_map(record.headers))
        if isinstance(message, events.Myth):
            if message.id != (record.key or b"").decode("utf-8", "replace") or not message.claim:
                raise Invalid("id: is not the key, or there is no claim; write the myth with its claim under its id")
            return self._knowledge.take_myth(message.id, message)
        if isinstance(message, events.Feedback):
            return self._knowledge.take_feedback(message)
        assert isinstance(message, events.ClaimVerdict)
        if message.narrative_id:
            self._told.append((message.narrative_id, message.post.text))
        return self._knowledge.take_verdict(message)
