"""`mythwatch privacy`: show or erase all that is held on one author or one post."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import typer

from services.stream.settings import StreamSettings, load
from services.stream.topics import DAY_MS, POSTS, VERDICTS

app = typer.Typer(help="Show or erase what is held on one author or one post (GDPR).", no_args_is_help=True)
_AUTHOR = typer.Option(
    "", help="the author, as the platform names the account (an id or a handle, as the source gives it)"
)
_PLATFORM = typer.Option("", help="the author's platform, such as bluesky")
_POST = typer.Option("", help="the post's id, as Mythwatch has it: PLATFORM:ID")


@app.command(epilog="Example: mythwatch privacy show --platform bluesky --author did:plc:abc")
def show(author: str = _AUTHOR, platform: str = _PLATFORM, post: str = _POST) -> None:
    """Print everything that the case store holds on an author or a post, as JSON, and how long Kafka keeps the rest."""
    pseudonym = _pseudonym(author, platform, post)
    found = asyncio.run(_held(pseudonym, post))
    kept = {topic.name: f"up to {(topic.retention_ms or 0) // DAY_MS} days" for topic in (POSTS, VERDICTS)}
    print(json.dumps({"pseudonym": pseudonym, **found, "in_kafka": kept}, indent=2, ensure_ascii=False))


@app.command(epilog="Example: mythwatch privacy erase --post bluesky:at://did:plc:abc/app.bsky.feed.post/1")
def erase(author: str = _AUTHOR, platform: str = _PLATFORM, post: str = _POST) -> None:
    """Have every service forget an author or a post: store, cases, sent messages, what the classifier learnt from it."""
    from services.command.topics import or_one_line
    from services.stream.codec import Record, new_trace
    from services.stream.erasure import erasure
    from services.stream.producer import ConfirmedProducer

    pseudonym = _pseudonym(author, platform, post)
    bootstrap = load(StreamSettings).kafka_bootstrap
    event = erasure(pseudonym, platform, post, int(time.time() * 1000))

    async def tell() -> None:
        producer = ConfirmedProducer(bootstrap, "command")
        try:
            await producer.write([Record(POSTS, event.id, event, new_trace())])
        finally:
            await producer.stop()

    asyncio.run(or_one_line(tell(), bootstrap))
    what = "the author's posts" if pseudonym else "the post"
    print(
        f"asked every service to forget {what}; Kafka drops what it still holds within {(POSTS.retention_ms or 0) // DAY_MS} days"
    )


def _pseudonym(author: str, platform: str, post: str) -> str:
    """The pseudonym of an author by the key that ingest uses; empty when a post is meant."""
    if bool(post) == bool(author) or bool(author) != bool(platform):
        raise typer.BadParameter("give --post, or --author with its --platform")
    if post:
        return ""
    from services.ingest.pseudonymise import Pseudonymiser
    from services.ingest.settings import IngestSettings

    return Pseudonymiser(load(IngestSettings).author_key).pseudonym(platform, author)


async def _held(pseudonym: str, post: str) -> dict[str, Any]:
    from services.alert.privacy import held_on
    from services.alert.settings import AlertSettings
    from services.alert.store import Store

    store = await Store.open(load(AlertSettings).database_url)
    try:
        return await held_on(store, author=pseudonym, post_id=post)
    finally:
        await store.close()
