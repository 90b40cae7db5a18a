"""`mythwatch topics`: print the table of topics; create or check them on the broker."""

from __future__ import annotations

import asyncio

import typer

from services.stream.settings import StreamSettings, load
from services.stream.topics import DAY_MS, LIVE

app = typer.Typer(help="The Kafka topics: print the table, create or check them.", invoke_without_command=True)


@app.callback(epilog="Example: mythwatch topics")
def table(context: typer.Context) -> None:
    """Print every topic with its key, partitions, retention and purpose."""
    if context.invoked_subcommand is not None:
        return
    from rich.console import Console
    from rich.table import Table

    view = Table("topic", "message", "key", "partitions", "kept", "what")
    for topic in LIVE:
        kept = "latest of each key" if topic.retention_ms is None else f"{topic.retention_ms // DAY_MS} days"
        name = topic.message.DESCRIPTOR.name
        view.add_row(topic.name, name, topic.key, str(topic.partitions), kept, topic.purpose)
    view.add_row("<topic>.dlq", "DeadLetter", "dead letter id", "1", "14 days", "what could not be processed")
    Console().print(view)


@app.command(epilog="Example: MYTHWATCH_KAFKA_BOOTSTRAP=kafka:9092 mythwatch topics create")
def create(
    myths: bool = typer.Option(True, help="also publish the built-in knowledge base to the `myths` topic"),
) -> None:
    """Create the topics that are missing and check the others; publish the built-in myths."""
    from services.command.publish_myths import publish_built_in_myths
    from services.stream.topic_admin import create_topics

    settings = load(StreamSettings)

    async def run() -> tuple[list[str], int]:
        created = await create_topics(settings.kafka_bootstrap, settings.kafka_replication)
        return created, await publish_built_in_myths(settings.kafka_bootstrap) if myths else 0

    created, published = asyncio.run(or_one_line(run(), settings.kafka_bootstrap))
    print(f"created: {', '.join(created)}" if created else "every topic exists and is as declared")
    if myths:
        print(f"published {published} myths")


@app.command(epilog="Example: mythwatch topics check")
def check() -> None:
    """Check that the broker's topics are as declared; names each difference."""
    from services.stream.topic_admin import check_topics

    settings = load(StreamSettings)
    asyncio.run(or_one_line(check_topics(settings.kafka_bootstrap), settings.kafka_bootstrap))
    print("every topic exists and is as declared")


async def or_one_line(work, bootstrap: str):  # type: ignore[no-untyped-def]
    """Await `work`; a broker that does not answer is one line, naming the setting."""
    from aiokafka.errors import KafkaError

    from services.stream.failures import NotReady

    try:
        return await work
    except (KafkaError, OSError, TimeoutError) as error:
        raise NotReady(
            f"Kafka at {bootstrap} does not answer ({type(error).__name__}); start it or set MYTHWATCH_KAFKA_BOOTSTRAP"
        ) from None
