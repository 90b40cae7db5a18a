"""What a service is waiting for, said once when it starts waiting and once when it is over."""

from __future__ import annotations

from services.stream import metrics
from services.stream.logs import log


class Readiness:
    """Named conditions; ready when none is awaited. Shown by /readyz and the `mythwatch_ready` gauge."""

    def __init__(self, service: str, awaiting: tuple[str, ...] = ()) -> None:
        self.service = service
        self._awaited: dict[str, str] = {name: "starting" for name in awaiting}
        self._publish()

    @property
    def ready(self) -> bool:
        return not self._awaited

    @property
    def awaited(self) -> dict[str, str]:
        """What is awaited, and why."""
        return dict(self._awaited)

    def wait_for(self, name: str, why: str) -> None:
        """`name` is away; logged only when that is news."""
        if self._awaited.get(name) in (None, "starting"):
            log.warning("waiting", action=f"{name}_away", why=why)
        self._awaited[name] = why
        self._publish()

    def is_there(self, name: str) -> None:
        """`name` is there (again)."""
        if self._awaited.pop(name, None) not in (None, "starting"):
            log.info("back", action=f"{name}_back")
        self._publish()

    def _publish(self) -> None:
        metrics.READY.labels(self.service).set(int(self.ready))
