"""The one command: help with an example everywhere; wrong use is one line and exit code 2."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from services.command.embedded_kafka import PROJECT
from services.command.main import app

COMMANDS = [
    "demo", "ingest", "ingest file", "classify", "alert", "topics", "topics create", "topics check", "score", "train",
    "evaluate", "myths", "deadletters", "broker", "bench",
    "myths list", "myths show", "myths check", "myths import", "myths export", "deadletters list",
    "deadletters show", "deadletters replay", "replay", "broker start", "broker stop", "bench stream", "settings",
]  # fmt: skip
WRONG = [
    (["no-such-command"], "No such command"),
    (["topics", "create", "--bogus"], "No such option"),
    (["deadletters", "replay"], "give one id, or --all"),
    (["deadletters", "list", "--topic", "nonsense"], "nonsense"),
    (["replay", "no-such-file.jsonl"], "no-such-file.jsonl"),
    (["score", "--myths", "no-such-file.json"], "no-such-file.json"),
    (["broker", "start", "--port", "abc"], "--port"),
    (["ingest", "file", "no-such-file"], "no-such-file"),
]


def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MYTHWATCH_")} | more
    return subprocess.run(
        [sys.executable, "-m", "services.command.main", *arguments],
        cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(command: str) -> None:
    done = CliRunner().invoke(app, [*command.split(), "--help"])
    assert done.exit_code == 0
    example = " ".join(done.stdout.partition("Example: ")[2].split())
    assert f"mythwatch {command}" in example


@pytest.mark.parametrize(("arguments", "named"), WRONG)
def test_wrong_use_is_one_line_and_exit_code_2(arguments: list[str], named: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert named in done.stderr


@pytest.mark.parametrize("service", ["ingest", "classify", "alert"])
def test_an_unknown_setting_stops_a_service_with_one_line(service: str) -> None:
    name = f"MYTHWATCH_{service.upper()}_BOGUS"
    done = run(service, **{name: "a secret value", "MYTHWATCH_INGEST_AUTHOR_KEY": "k" * 20})
    assert done.returncode == 2
    assert name in done.stderr
    assert "a secret value" not in done.stdout + done.stderr
