"""A taken port is named in one message, with the setting that changes it."""

from __future__ import annotations

import socket


class PortTaken(RuntimeError):
    """The port is in use; the message names it and the setting."""


def require_free(port: int, setting: str, host: str = "127.0.0.1") -> None:
    """Raise PortTaken when nothing can listen on `port`; `setting` is the environment variable that moves it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            raise PortTaken(f"port {port} is taken; free it or set {setting} to another port") from None
