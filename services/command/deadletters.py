"""`mythwatch deadletters`: what could not be processed, why, and bringing it back after a fix."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

import typer
from google.protobuf.message import DecodeError

from services.stream import events_pb2 as events
from services.stream.settings import StreamSettings, load

app = typer.Typer(
    help="Dead letters: list, show, replay.", no_args_is_help=True, epilog="Example: mythwatch deadletters list"
)

_TOPIC = typer.Option("", help="only those of this topic, e.g. posts")


@app.command("list", epilog="Example: mythwatch deadletters list --topic posts")
def list_letters(
    topic: str = _TOPIC, as_json: bool = typer.Option(False, "--json", help="one JSON object a line")
) -> None:
    """List them, oldest first: id, when, where from and why."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    letters = _read(topic)
    if as_json:
        for letter in letters:
            print(json.dumps(_summary(letter), ensure_ascii=False))
        return
    view = Table("id", "when", "from", "by", "bytes", "reason")
    for letter in letters:
        summary = _summary(letter)
        # A reason may quote what somebody sent: Rich must not read markup in it.
        view.add_row(*(Text(str(summary[column])) for column in ("id", "when", "from", "service", "bytes", "reason")))
    Console().print(view if letters else "no dead letters")


@app.command(epilog="Example: mythwatch deadletters show 1f2e3d4c")
def show(letter_id: str = typer.Argument(help="id, or its beginning"), topic: str = _TOPIC) -> None:
    """Show one of them whole; the original is printed as Python bytes, so that nothing in it reaches the terminal."""
    letter = _one(letter_id, _read(topic))
    for name, value in _summary(letter).items():
        print(f"{name}: {value}")
    print(f"trace: {letter.trace}")
    for header, data in sorted(letter.headers.items()):
        print(f"header {header}: {data!r}")
    print(f"key: {letter.original_key!r}")
    print(f"original{' (cut)' if letter.truncated else ''}: {letter.original!r}")


@app.command(
    epilog="Example: mythwatch deadletters replay 1f2e3d4c   (or: mythwatch deadletters replay --all --topic posts)"
)
def replay(
    letter_id: str = typer.Argument("", help="id, or its beginning"),
    everything: bool = typer.Option(False, "--all", help="every one of them"),
    topic: str = _TOPIC,
) -> None:
    """Send the original bytes through the door that they came by once more. Doing it twice does no harm: ids are the same."""
    from services.command.replay_dead_letters import replay_letters

    if bool(letter_id) == everything:
        raise typer.BadParameter("give one id, or --all")
    letters = _read(topic)
    chosen = letters if everything else [_one(letter_id, letters)]
    cut = [letter.id for letter in chosen if letter.truncated]
    if cut:
        raise typer.BadParameter(f"{cut[0]} holds only the beginning of its original and can't be replayed")
    again = asyncio.run(replay_letters(load(StreamSettings).kafka_bootstrap, chosen))
    print(f"replayed {len(chosen)}" + (f"; {again} failed again for the reason that `list` shows" if again else ""))


def _read(topic: str) -> list[events.DeadLetter]:
    from services.command.read_topics import read_to_end
    from services.command.topics import or_one_line
    from services.stream.topics import DEAD_LETTERS, dead_letter_topic

    names = [dead_letter_topic(topic).name] if topic else [entry.name for entry in DEAD_LETTERS]
    if topic and names[0] not in {entry.name for entry in DEAD_LETTERS}:
        known = ", ".join(entry.name.removesuffix(".dlq") for entry in DEAD_LETTERS)
        raise typer.BadParameter(f"--topic: {topic!r} has no dead letters; one of {known}")
    bootstrap = load(StreamSettings).kafka_bootstrap
    values = asyncio.run(or_one_line(read_to_end(bootstrap, names), bootstrap))
    letters: dict[str, events.DeadLetter] = {}
    unreadable = 0
    for value in values:
        try:
            letter = events.DeadLetter.FromString(value)
        except DecodeError:
            unreadable += 1
        else:
            letters[letter.id] = letter
    if unreadable:
        typer.echo(
            f"{unreadable} records are no dead letters and are left out; something else wrote to the topic", err=True
        )
    return sorted(letters.values(), key=lambda letter: letter.failed_ms)


def _one(beginning: str, letters: list[events.DeadLetter]) -> events.DeadLetter:
    found = [letter for letter in letters if letter.id.startswith(beginning)]
    if len(found) != 1:
        what = "no dead letter" if not found else f"{len(found)} dead letters"
        raise typer.BadParameter(f"{what} with an id that begins with {beginning!r}; see `mythwatch deadletters list`")
    return found[0]


def _summary(letter: events.DeadLetter) -> dict[str, object]:
    place = (
        f"{letter.topic}/{letter.partition}@{letter.offset}" if letter.offset >= 0 else f"{letter.topic} (at the door)"
    )
    return {
        "id": letter.id,
        "when": datetime.fromtimestamp(letter.failed_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        "from": place,
        "service": letter.service,
        "bytes": len(letter.original),
        "reason": letter.reason,
    }
