"""The weights folder: a manifest with version and checksums, and a refusal that says what to do."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WEIGHTS = Path(__file__).with_name("weights")
MANIFEST = "manifest.json"
FORMAT = 2
"""Raised when this code can no longer use weights made by an earlier version of it."""

FILES = (
    "matching.safetensors", "heads.safetensors", "stance.safetensors", "gate.safetensors", "int8.safetensors", "policy.json",
    "wordings.safetensors",
)  # fmt: skip
COMMAND = "mythwatch train"


class ModelFilesError(RuntimeError):
    """A model file is missing, changed or of another version. Names the file and the command that makes it."""


@dataclass(frozen=True)
class ModelFiles:
    """A checked weights folder."""

    folder: Path
    version: str
    about: dict[str, Any]

    def __getitem__(self, name: str) -> Path:
        return self.folder / name


def check(folder: Path = WEIGHTS) -> ModelFiles:
    """Checks that every file is there and is the one that the manifest names. Raises ModelFilesError."""
    manifest = folder / MANIFEST
    try:
        about = json.loads(manifest.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelFilesError(f"model file missing: {manifest}; make it with `{COMMAND}`") from None
    except (OSError, ValueError) as error:
        raise ModelFilesError(f"model file unreadable: {manifest} ({error}); make it anew with `{COMMAND}`") from None
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        found = about.get("format") if isinstance(about, dict) else None
        raise ModelFilesError(
            f"model file of another version: {manifest} has format {found}, this code needs {FORMAT};"
            f" make it anew with `{COMMAND}`"
        )
    sums = about.get("files") or {}
    for name in FILES:
        path = folder / name
        if not path.is_file():
            raise ModelFilesError(f"model file missing: {path}; make it with `{COMMAND}`")
        if _sha256(path) != sums.get(name):
            raise ModelFilesError(
                f"model file of another version: {path} is not the one that {MANIFEST} names;"
                f" make them anew with `{COMMAND}`"
            )
    return ModelFiles(folder, str(about["version"]), about)


def seal(folder: Path, date: str, about: dict[str, Any]) -> ModelFiles:
    """Writes the manifest over the files as they are now; the version is the date and a digest of them."""
    for name in FILES:
        (folder / name).chmod(0o644)
    sums = {name: _sha256(folder / name) for name in FILES}
    digest = hashlib.sha256("".join(sums[name] for name in FILES).encode()).hexdigest()[:8]
    content = {"format": FORMAT, "version": f"{date}-{digest}", "files": sums, **about}
    (folder / MANIFEST).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return check(folder)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
