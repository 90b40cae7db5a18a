"""A real Prometheus (Debian's package) on a free port, with deploy/prometheus's own configuration pointed at the test's services."""

from __future__ import annotations

import asyncio
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import yaml

from services.command.embedded_kafka import PROJECT
from tests.conftest import free_port

SHIPPED = PROJECT / "deploy" / "prometheus"


class PrometheusServer:
    """`targets` are host:port of the services; scrapes and evaluates every second."""

    def __init__(self, home: Path, targets: list[str]) -> None:
        self.home = home
        self._config = yaml.safe_load((SHIPPED / "prometheus.yml").read_text())
        self._config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        self._config["rule_files"] = [str(SHIPPED / name) for name in self._config["rule_files"]]
        job = next(job for job in self._config["scrape_configs"] if job["job_name"] == "mythwatch")
        job["static_configs"] = [{"targets": targets}]
        self._config["scrape_configs"] = [job]
        self._process: subprocess.Popen[bytes] | None = None
        self._client = httpx.AsyncClient()

    async def start(self) -> None:
        """Until it answers; raises AssertionError with its log otherwise."""
        # Chosen now, when those that it scrapes listen already.
        port = free_port()
        self._client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10)
        (self.home / "prometheus.yml").write_text(yaml.safe_dump(self._config))
        with (self.home / "prometheus.log").open("wb") as log:
            self._process = subprocess.Popen(
                ["prometheus", f"--config.file={self.home / 'prometheus.yml'}",
                 f"--storage.tsdb.path={self.home / 'tsdb'}", f"--web.listen-address=127.0.0.1:{port}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.home,
            )  # fmt: skip
        deadline = time.monotonic() + 30
        while True:
            try:
                if (await self._client.get("/-/ready")).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            assert self._process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            await asyncio.sleep(0.1)

    async def stop(self) -> None:
        await self._client.aclose()
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def log(self) -> str:
        return (self.home / "prometheus.log").read_text(errors="replace")[-3000:]

    async def api(self, path: str, **parameters: str) -> Any:
        """`data` of the answer; fails with Prometheus's own words when it is an error."""
        answer = (await self._client.get(f"/api/v1/{path}", params=parameters)).json()
        assert answer["status"] == "success", f"{parameters}: {answer.get('error')}"
        return answer["data"]

    async def query(self, expression: str) -> list[Any]:
        """Series as of now."""
        return list((await self.api("query", query=expression))["result"])

    async def query_range(self, expression: str, seconds: int = 30) -> list[Any]:
        """Series over the last seconds, one point a second."""
        now = time.time()
        data = await self.api("query_range", query=expression, start=str(now - seconds), end=str(now), step="1")
        return list(data["result"])
