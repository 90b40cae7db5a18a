"""`python -m services.alert`: verdicts become cases, people are told, their decisions come back.

verdicts -> intake -> store -> outbox -> Slack, e-mail -> topics `cases`, `notifications`
Slack's buttons, console -> store -> topic `feedback`
topic `myths` -> store
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from services.alert import texts
from services.alert.cases import Channel
from services.alert.chat import ChatNotifier
from services.alert.drafter import Drafter, drafter_of
from services.alert.email import EmailNotifier
from services.alert.intake import Intake
from services.alert.mail_links import MailLinks
from services.alert.myth_reader import MythReader
from services.alert.outbox import Notifier, send_until
from services.alert.people import PeopleError, people_of, read_people, signing_key
from services.alert.publish import publish_until
from services.alert.routes import Routes, RoutesError, read_routes
from services.alert.routes_file import follow_routes
from services.alert.settings import AlertSettings
from services.alert.slack import SlackForms, SlackNotifier
from services.alert.slack_home import SlackDesk
from services.alert.slack_socket import SlackSocket
from services.alert.store import Store
from services.alert.upkeep import keep_up
from services.alert.web import create_app, serve_web
from services.alert.webhook import WebhookNotifier
from services.stream.consume import ConsumeLoop
from services.stream.failures import NotReady
from services.stream.logs import log
from services.stream.producer import ConfirmedProducer
from services.stream.readiness import Readiness
from services.stream.service import CannotStart, run_service
from services.stream.settings import StreamSettings, load
from services.stream.topics import VERDICTS

SERVICE = "alert"
OPEN_RETRY_S = 1.0
_STOP_WITHIN_S = 7.5


async def body(stream: StreamSettings, readiness: Readiness, stopping: asyncio.Event) -> None:
    """What run_service runs: everything until `stopping`, or until one part fails."""
    settings = load(AlertSettings)
    texts.use(settings.language)
    if texts.language() != settings.language:
        log.warning("no translation", action="no_translation", language=settings.language, there_are=texts.languages())
    routes = _routes(settings)
    _check_people(settings)
    drafter = _drafter(settings)
    for chatty in ("alembic", "uvicorn"):
        logging.getLogger(chatty).setLevel("WARNING")
    for channel, missing in settings.off.items():
        log.warning("channel is off", action="channel_off", channel=channel, set=missing)
    store = await _opened(settings, readiness, stopping)
    if store is None:
        return
    producer = ConfirmedProducer(stream.kafka_bootstrap, SERVICE)
    loop = ConsumeLoop(SERVICE, VERDICTS, stream, Intake(store, settings.myth_wait_s).process, readiness)
    # Those that record what they did stop after the consume loop, so that its last batch is told of and published.
    consumed = asyncio.Event()
    try:
        await _together(
            {
                "consume": _then(loop.run, consumed.set),
                "stop": _when(stopping, loop.stop),
                "myths": MythReader(stream.kafka_bootstrap, store, producer, readiness, stopping).run(),
                "send": send_until(store, notifiers(settings), stopping),
                "publish": publish_until(store, producer, readiness, consumed),
                **_slack_socket(settings, store, stopping),
                "upkeep": keep_up(store, settings.retention, stopping),
                **(
                    {"routes": follow_routes(settings.routes, routes, store, stopping)}
                    if settings.routes and routes
                    else {}
                ),
                "web": serve_web(
                    create_app(store, settings, producer, drafter),
                    stream.listen_host,
                    settings.console_port,
                    stopping,
                ),
            },
            stopping,
        )
    finally:
        await producer.stop()
        await store.close()
        if drafter is not None:
            await drafter.close()


def notifiers(settings: AlertSettings) -> list[tuple[Notifier, float]]:
    """The channels that are on, each with the least time between two messages, seconds."""
    found: list[tuple[Notifier, float]] = []
    channels = settings.channels
    if Channel.SLACK in channels and settings.slack_token is not None:
        slack = SlackNotifier(
            settings.slack_token.get_secret_value(), settings.slack_base_url, settings.console, settings.language,
            buttons=settings.slack_buttons, timeout_s=settings.send_timeout_s,
        )  # fmt: skip
        found.append((slack, settings.slack_interval_s))
    if Channel.EMAIL in channels:
        password = settings.smtp_password.get_secret_value() if settings.smtp_password else ""
        mail = EmailNotifier(
            settings.smtp_host, settings.smtp_port, settings.email_from, settings.console, settings.language,
            user=settings.smtp_user, password=password, starttls=settings.smtp_starttls,
            timeout_s=settings.send_timeout_s, links=_mail_links(settings),
        )  # fmt: skip
        found.append((mail, 0.0))
    if Channel.CHAT in channels:
        found.append((ChatNotifier(settings.chat_addresses, settings.console, settings.language), 1.0))
    if Channel.WEBHOOK in channels and settings.webhook_secret is not None:
        secret = settings.webhook_secret.get_secret_value()
        hook = WebhookNotifier(settings.webhook_addresses, secret, settings.console, settings.send_timeout_s)
        found.append((hook, 0.0))
    return found


def _slack_socket(
    settings: AlertSettings, store: Store, stopping: asyncio.Event
) -> dict[str, Coroutine[Any, Any, None]]:
    """Socket Mode, where it is set up."""
    if settings.slack_app_token is None or settings.slack_token is None:
        return {}
    forms = SlackForms(settings.slack_token.get_secret_value(), settings.slack_base_url)
    people = read_people(settings.people) if settings.people else None
    desk = SlackDesk(store, forms, settings.console, settings.language, people=people)
    token = settings.slack_app_token.get_secret_value()
    socket = SlackSocket(token, settings.slack_base_url, store, forms, desk, people=people)
    return {"slack socket": socket.run(stopping)}


def _mail_links(settings: AlertSettings) -> MailLinks | None:
    """None while the console has no password, and so no key."""
    password = settings.console_password.get_secret_value() if settings.console_password else ""
    people = people_of(settings.people, settings.console_user, password)
    return MailLinks(signing_key(people, password, settings.oidc_secret), settings.console) if people.people else None


def _routes(settings: AlertSettings) -> Routes | None:
    """The routes to begin with. Raises CannotStart naming the line of a mistake: there are none before to stay in force."""
    try:
        return read_routes(settings.routes) if settings.routes else None
    except RoutesError as wrong:
        raise CannotStart(f"{SERVICE}: MYTHWATCH_ALERT_ROUTES: {wrong}") from None


def _check_people(settings: AlertSettings) -> None:
    """Raises CannotStart naming what is wrong in the people file."""
    try:
        if settings.people:
            read_people(settings.people)
    except PeopleError as wrong:
        raise CannotStart(f"{SERVICE}: MYTHWATCH_ALERT_PEOPLE: {wrong}") from None


def _drafter(settings: AlertSettings) -> Drafter | None:
    """The model that drafts answers; None where there is none. Raises CannotStart naming the setting that is wrong."""
    try:
        return drafter_of(settings)
    except ValueError as wrong:
        raise CannotStart(f"{SERVICE}: {wrong}") from None


async def _opened(settings: AlertSettings, readiness: Readiness, stopping: asyncio.Event) -> Store | None:
    """The store, once its database is there; None when told to stop meanwhile."""
    while not stopping.is_set():
        try:
            store = await Store.open(
                settings.database_url, settings.destinations, settings.triage_rules, settings.due_rules,
                settings.language, settings.tombstone_days * 86_400_000,
            )  # fmt: skip
            readiness.is_there("database")
            return store
        except NotReady as away:
            readiness.wait_for("database", str(away))
        try:
            async with asyncio.timeout(OPEN_RETRY_S):
                await stopping.wait()
        except TimeoutError:
            pass
    return None


async def _together(parts: dict[str, Coroutine[Any, Any, None]], stopping: asyncio.Event) -> None:
    """Run all parts until `stopping`; when one fails the others are stopped and its failure is raised."""
    tasks = [asyncio.create_task(part, name=name) for name, part in parts.items()]
    stop = asyncio.create_task(stopping.wait())
    # One that fails ends the wait; one that only ends leaves the others running.
    for task in tasks:
        task.add_done_callback(lambda ended: stop.cancel() if ended.cancelled() or ended.exception() else None)
    try:
        await asyncio.wait([stop])
        stopping.set()
        _, late = await asyncio.wait(tasks, timeout=_STOP_WITHIN_S)
        for task in late:
            # A message in mid-air is looked for at the next start (outbox.adopt).
            log.warning("did not stop in time", action="stop_slow", part=task.get_name())
    finally:
        stop.cancel()
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result


async def _then(work: Callable[[], Awaitable[None]], done: Callable[[], None]) -> None:
    try:
        await work()
    finally:
        done()


async def _when(event: asyncio.Event, act: Callable[[], None]) -> None:
    await event.wait()
    act()


def main() -> None:
    """Never returns: exits as services/stream/service.py says."""
    run_service(
        SERVICE, body, port=lambda: load(AlertSettings).metrics_port, port_setting="MYTHWATCH_ALERT_METRICS_PORT",
        awaiting=("kafka", "database", "myths"),
    )  # fmt: skip


if __name__ == "__main__":
    main()
