"""`mythwatch routes`: check the routes file, and try it: who would be told, when, and why not."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from services.alert.routes import Routes
    from services.alert.routing import Plan

app = typer.Typer(help="Who is told of what, and when: check the routes file, and try it.", no_args_is_help=True)
_FILE = typer.Option(None, "--file", help="routes file; default: MYTHWATCH_ALERT_ROUTES", show_default=False)


@app.command(epilog="Example: mythwatch routes check deploy/routes.example.yaml")
def check(file: Path = typer.Argument(None, help="routes file; default: MYTHWATCH_ALERT_ROUTES")) -> None:
    """Say whether the file can be used; the first mistake is named by its line, with the fix."""
    routes = _read(file)
    people, places, rotas = len(routes.people), len(routes.places), len(routes.rotas)
    print(f"nothing wrong: {len(routes.rules)} rules, {people} people, {places} places, {rotas} rotas")


@app.command(
    epilog="Example: mythwatch routes test --specialty paediatrics --harm high --advice respond --at 2026-11-28T23:30"
)
def try_out(
    case: str = typer.Argument("", help="id of a case in the store; or describe one by the options"),
    file: Path = _FILE,
    specialty: str = typer.Option("", help="specialty of the myth"),
    topic: str = typer.Option("", help="topic of the myth"),
    language: list[str] = typer.Option([], help="language of the posts; may be repeated"),
    harm: str = typer.Option("moderate", help="low, moderate, high or unknown"),
    advice: str = typer.Option("respond", help="monitor or respond"),
    at: str = typer.Option("", help="local time of the routes file, such as 2026-11-28T23:30; default: now"),
) -> None:
    """Who would be told, where, from when on and why; and which rules don't apply, and why not."""
    from services.alert.cases import Harm, Triage
    from services.alert.routing import Facts, plan

    routes = _read(file)
    now_ms = _moment(at, routes)
    if case:
        found = asyncio.run(_of_case(routes, case, now_ms))
    else:
        if harm not in set(Harm) or advice not in ("monitor", "respond"):
            raise typer.BadParameter("--harm is low, moderate, high or unknown; --advice is monitor or respond")
        facts = Facts(Triage(advice), Harm(harm), specialty, topic, tuple(language))
        found = plan(routes, facts, now_ms, {})
    _show(found, routes, now_ms)


async def _of_case(routes: Routes, case: str, now_ms: int) -> Plan:
    from services.alert.settings import AlertSettings
    from services.alert.store import Store
    from services.stream.settings import load

    store = await Store.open(load(AlertSettings).database_url)
    try:
        store.rules.routing.routes = routes
        found = await store.plan(case, now_ms)
    finally:
        await store.close()
    if found is None:
        raise typer.BadParameter(f"no case has the id {case!r}; it is at the end of the case page's address")
    return found


def _show(found: Plan, routes: Routes, now_ms: int) -> None:
    for one in found.tell:
        when = "not told" if one.capped else "at once"
        from_ms, _ = one.begins(now_ms)
        if from_ms and not one.capped:
            when = datetime.fromtimestamp(from_ms / 1000, routes.zone()).strftime("from %a %d %b %H:%M")
        print(
            f"{one.who:<20} {one.destination.channel.value:<6} {one.destination.recipient:<30} {when}: {one.words(now_ms)}"
        )
    if not found.tell:
        print("nobody would be told")
    for other in found.not_told:
        print(f"rule “{other.rule}” doesn't apply: {other.why}")


def _read(file: Path | None) -> Routes:
    from services.alert.routes import RoutesError, read_routes
    from services.alert.settings import AlertSettings
    from services.stream.settings import load

    path = file or load(AlertSettings).routes
    if path is None:
        raise typer.BadParameter("name the file, or set MYTHWATCH_ALERT_ROUTES")
    try:
        return read_routes(path)
    except RoutesError as wrong:
        raise typer.BadParameter(str(wrong)) from None


def _moment(at: str, routes: Routes) -> int:
    if not at:
        return int(time.time() * 1000)
    try:
        local = datetime.fromisoformat(at)
    except ValueError:
        raise typer.BadParameter("--at: write a local time as 2026-11-28T23:30") from None
    return int(local.replace(tzinfo=local.tzinfo or routes.zone()).astimezone(UTC).timestamp() * 1000)
