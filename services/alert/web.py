"""The web side of the alert service: Slack's interactions, and the console's pages where they are there."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from services.alert.drafter import Drafter
from services.alert.people import read_people
from services.alert.settings import AlertSettings
from services.alert.slack import SlackForms
from services.alert.slack_events import slack_events_router
from services.alert.slack_home import SlackDesk
from services.alert.slack_interactions import slack_router
from services.alert.store import Store
from services.stream.codec import Record, new_trace
from services.stream.events_pb2 import SocialPost
from services.stream.ports import require_free
from services.stream.producer import ConfirmedProducer
from services.stream.topics import POSTS

STOP_WITHIN_S = 3


def create_app(
    store: Store,
    settings: AlertSettings,
    producer: ConfirmedProducer | None = None,
    drafter: Drafter | None = None,
) -> FastAPI:
    """The FastAPI application; without a signing secret it answers no Slack requests, without a producer nothing is erased by it,
    without `drafter` no model drafts."""
    app = FastAPI(title="Mythwatch", docs_url=None, redoc_url=None, openapi_url=None)
    if settings.slack_signing_secret is not None:
        token = settings.slack_token
        forms = SlackForms(token.get_secret_value(), settings.slack_base_url) if token is not None else None
        secret = settings.slack_signing_secret.get_secret_value()
        people = read_people(settings.people) if settings.people else None
        app.include_router(slack_router(store, secret, forms, people=people))
        desk = SlackDesk(store, forms, settings.console, settings.language, people=people)
        app.include_router(slack_events_router(desk, secret))
    if importlib.util.find_spec("services.alert.console") and importlib.util.find_spec("services.alert.console.routes"):
        from services.alert.console.routes import add_console

        async def forget(event: SocialPost) -> None:
            assert producer is not None
            await producer.write([Record(POSTS, event.id, event, new_trace())])

        add_console(app, store, settings, forget=forget if producer is not None else None, drafter=drafter)
    return app


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: run_service owns those."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve_web(app: FastAPI, host: str, port: int, stopping: asyncio.Event) -> None:
    """Serve until `stopping`. Raises PortTaken naming the setting when the port is in use."""
    require_free(port, "MYTHWATCH_ALERT_CONSOLE_PORT", host)
    server = _Server(
        uvicorn.Config(
            app, host=host, port=port, log_config=None, access_log=False, lifespan="off", server_header=False,
            timeout_graceful_shutdown=STOP_WITHIN_S,
        )
    )  # fmt: skip
    serving = asyncio.create_task(server.serve())
    stopped = asyncio.create_task(stopping.wait())
    await asyncio.wait([serving, stopped], return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    server.should_exit = True
    await serving
