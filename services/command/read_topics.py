"""Read topics from their beginning to where they end now, without joining a group."""

from __future__ import annotations

from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition

from services.stream import header_names  # noqa: F401 changes how the consumer reads


async def read_to_end(bootstrap: str, topics: Sequence[str]) -> list[bytes]:
    """The values of all records of `topics`, in partition order."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    try:
        partitions = [
            TopicPartition(topic, number)
            for topic in topics
            for number in sorted(consumer.partitions_for_topic(topic) or await _partitions(consumer, topic))
        ]
        if not partitions:
            return []
        consumer.assign(partitions)
        ends = {partition: end for partition, end in (await consumer.end_offsets(partitions)).items() if end > 0}
        await consumer.seek_to_beginning(*partitions)
        values: list[bytes] = []
        while any([await consumer.position(partition) < end for partition, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                values.extend(record.value for record in records if record.value is not None)
        return values
    finally:
        await consumer.stop()


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    await consumer._client.add_topic(topic)  # a consumer without a subscription has not asked about it yet
    return set(consumer.partitions_for_topic(topic) or ())
