"""/metrics, /healthz and /readyz of a service, on a small HTTP server of their own."""

from __future__ import annotations

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from services.stream.ports import require_free
from services.stream.readiness import Readiness


async def serve_observation(host: str, port: int, setting: str, readiness: Readiness) -> web.AppRunner:
    """Start the server; the caller cleans the runner up. Raises PortTaken naming `setting` when `port` is in use."""

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "alive", "service": readiness.service})

    async def readyz(_: web.Request) -> web.Response:
        return web.json_response(
            {"ready": readiness.ready, "service": readiness.service, "waiting_for": readiness.awaited},
            status=200 if readiness.ready else 503,
        )

    require_free(port, setting, host)
    app = web.Application()
    app.add_routes([web.get("/metrics", metrics), web.get("/healthz", healthz), web.get("/readyz", readyz)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner
