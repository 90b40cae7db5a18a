"""What the desk did, over the API."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from services.alert.api.shapes import InsightOut, TopicOut
from services.alert.api.tokens import Bearer
from services.alert.cases import DAY_MS
from services.alert.console.insight_page import MOST
from services.alert.insight import insight, records
from services.alert.people import Person
from services.alert.store import Store


def insight_api(store: Store, bearer: Bearer, now_ms: Callable[[], int]) -> APIRouter:
    """`/insight`."""
    router = APIRouter(tags=["insight"])
    looks = Depends(bearer.anybody)

    @router.get("/insight", summary="What the desk did over the last days")
    async def shown(person: Person = looks, days: Annotated[int, Query(ge=1, le=366)] = 28) -> InsightOut:
        async with store.database.reading() as connection:
            found = insight(await records(connection, now_ms() - days * DAY_MS, MOST))
        return InsightOut(
            topics=[TopicOut(**dataclasses.asdict(line)) for line in found.topics], told=found.told, waiting=found.waiting,
            decided=found.decided, agreed=found.agreed, median_ms=found.median_ms, slow_ms=found.slow_ms,
            answered=len(found.answered),
        )  # fmt: skip

    return router
