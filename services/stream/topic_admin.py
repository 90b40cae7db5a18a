"""Creating topics, and holding the broker's topics against the table in topics.py."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

from services.stream.topics import TOPICS, Topic

SETTLE_S = 15.0


class TopicsDiffer(RuntimeError):
    """The broker's topics are not what this release expects; the message names each difference."""


async def create_topics(bootstrap: str, replication: int) -> list[str]:
    """Create what is missing; returns the names created. Raises TopicsDiffer when an existing one is different."""
    async with _admin(bootstrap) as admin:
        existing = set(await admin.list_topics())
        new = [
            NewTopic(topic.name, topic.partitions, replication, topic_configs=topic.config)
            for topic in TOPICS.values()
            if topic.name not in existing
        ]
        if new:
            response = await admin.create_topics(new)
            for error in response.topic_errors:
                if error[1] not in (0, TopicAlreadyExistsError.errno):
                    raise for_code(error[1])(f"topic {error[0]} could not be created")
    deadline = time.monotonic() + SETTLE_S
    while True:
        try:
            await check_topics(bootstrap)
            return [topic.name for topic in new]
        except TopicsDiffer:
            # A broker lists a topic a moment after it has confirmed its creation.
            if not new or time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.2)


async def check_topics(bootstrap: str) -> None:
    """Raise TopicsDiffer, naming every difference, unless each topic exists as declared."""
    async with _admin(bootstrap) as admin:
        existing = set(await admin.list_topics())
        found = [name for name in TOPICS if name in existing]
        partitions = {entry["topic"]: len(entry["partitions"]) for entry in await admin.describe_topics(found)}
        configs = await _configs(admin, found)
    differences = [
        difference
        for topic in TOPICS.values()
        for difference in _differences(topic, partitions.get(topic.name), configs.get(topic.name, {}))
    ]
    if differences:
        raise TopicsDiffer("; ".join(differences) + ". Run `mythwatch topics create`, or alter the topic by hand")


def _differences(topic: Topic, partitions: int | None, config: dict[str, str]) -> list[str]:
    if partitions is None:
        return [f"topic {topic.name} is missing"]
    differences = []
    if partitions != topic.partitions:
        differences.append(f"topic {topic.name} has {partitions} partitions, expected {topic.partitions}")
    for name, expected in topic.config.items():
        if config.get(name) != expected:
            differences.append(f"topic {topic.name} has {name}={config.get(name)}, expected {expected}")
    return differences


async def _configs(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    configs: dict[str, dict[str, str]] = {}
    for response in await admin.describe_configs(resources):
        for resource in response.resources:
            _, _, _, name, entries, *_ = resource
            configs[name] = {entry[0]: entry[1] for entry in entries}
    return configs


@asynccontextmanager
async def _admin(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=10_000)
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()
