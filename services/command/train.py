"""`mythwatch train`: make the classifier's weights."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.command.classify_errors import one_line

if TYPE_CHECKING:
    from services.classify.live_knowledge import Lesson

PARTS = ("matching", "heads", "stance", "gate", "policy")


def train(
    data: Annotated[Path, typer.Option(help="Folder with the public data files.")] = Path("../shared/data"),
    out: Annotated[
        Path | None, typer.Option(help="Folder for the weights; default: the one that classify reads.")
    ] = None,
    threads: Annotated[int, typer.Option(help="Threads; 0: one a core.", min=0)] = 0,
    part: Annotated[
        list[str] | None, typer.Option(help=f"Train only this part ({', '.join(PARTS)}); may be repeated.")
    ] = None,
    feedback: Annotated[
        bool,
        typer.Option(help="Learn also from cases judged not a myth, as Kafka still holds them (posts: 7 days)."),
    ] = False,
) -> None:
    """Train every part of the classifier from the authored posts and the public data; seeded, about an hour on 2 cores.

    Example: mythwatch train --data ../shared/data --out services/classify/weights
    """
    unknown = [name for name in part or () if name not in PARTS]
    if unknown:
        raise typer.BadParameter(f"--part {unknown[0]}: unknown; one of {', '.join(PARTS)}")
    with one_line("train"):
        from services.classify.model_files import WEIGHTS
        from services.classify.training import build

        shop = build.open_workshop(data, out or WEIGHTS, threads, _lessons() if feedback else None)
        wanted = tuple(name for name in PARTS if not part or name in part)
        build.train(shop, datetime.now(UTC).date().isoformat(), wanted)


def _lessons() -> dict[str, Lesson]:
    """What the topics `feedback` and `verdicts` hold now."""
    from services.classify import knowledge_base
    from services.classify.live_knowledge import LiveKnowledge
    from services.command.read_topics import read_to_end
    from services.command.topics import or_one_line
    from services.stream import events_pb2 as events
    from services.stream.settings import StreamSettings, load

    bootstrap = load(StreamSettings).kafka_bootstrap
    knowledge = LiveKnowledge(knowledge_base.load())
    for value in asyncio.run(or_one_line(read_to_end(bootstrap, ["verdicts"]), bootstrap)):
        knowledge.take_verdict(events.ClaimVerdict.FromString(value))
    for value in asyncio.run(or_one_line(read_to_end(bootstrap, ["feedback"]), bootstrap)):
        knowledge.take_feedback(events.Feedback.FromString(value))
    lessons = knowledge.lessons()
    texts = sum(len(lesson.texts) for lesson in lessons.values())
    typer.echo(f"feedback: {texts} posts of cases judged not a myth, about {len(lessons)} myths")
    return lessons
