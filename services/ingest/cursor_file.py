"""How far a source came, in a small JSON file that is replaced in one step: after a crash it is the old one or the new one."""

from __future__ import annotations

import json
import os
from pathlib import Path

from services.stream.logs import log


class CursorFile:
    """Named cursors (integers) in one file; unreadable contents are put aside and said, not fatal."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._cursors = self._read()

    def get(self, name: str) -> int | None:
        """The cursor saved under `name`, or None."""
        return self._cursors.get(name)

    def all(self) -> dict[str, int]:
        """Every cursor by name."""
        return dict(self._cursors)

    def save(self, name: str, cursor: int) -> None:
        """Keep `cursor` under `name`; it is on disk when this returns. Raises OSError when it cannot be."""
        self._cursors[name] = cursor
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_name(self._path.name + ".new")
        with new.open("w") as file:
            json.dump(self._cursors, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, self._path)

    def _read(self) -> dict[str, int]:
        try:
            saved = json.loads(self._path.read_text())
            if isinstance(saved, dict):
                return {str(name): cursor for name, cursor in saved.items() if type(cursor) is int and cursor >= 0}
            raise ValueError
        except FileNotFoundError:
            return {}
        except (ValueError, OSError):
            aside = self._path.with_name(self._path.name + ".unreadable")
            log.error("cursor file is unreadable; starting without it", action="cursor_lost", kept_as=str(aside))
            try:
                os.replace(self._path, aside)
            except OSError:
                pass
            return {}
