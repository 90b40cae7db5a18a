"""Import rules that a linter does not know: decisions have no I/O, and the light processes stay light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SERVICES = Path(__file__).resolve().parents[2] / "services"
# Files named for a decision: no Kafka, network, database, clock or environment.
DECISIONS = [
    "alert/cases.py", "alert/triage.py", "alert/due.py", "alert/grouping.py", "alert/slack_blocks.py",
    "alert/model_draft.py", "stream/completion_wire.py",
    "classify/policy.py", "classify/gate.py", "classify/batching.py", "classify/live_knowledge.py", "classify/lessons.py",
    "classify/carrying_words.py", "classify/verifier_answer.py",
    "ingest/normalise.py", "ingest/mask.py", "ingest/pseudonymise.py", "ingest/duplicates.py", "ingest/post.py",
]  # fmt: skip
OUTSIDE = {
    "aiokafka", "faust", "httpx", "aiohttp", "requests", "sqlalchemy", "aiosmtplib", "slack_sdk", "time", "os", "socket",
    "fastapi", "uvicorn", "websockets", "asyncio", "random",
}  # fmt: skip


@pytest.mark.parametrize("path", DECISIONS)
def test_a_decision_imports_no_io(path: str) -> None:
    tree = ast.parse((SERVICES / path).read_text())
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module.split(".")[0])
    assert imported & OUTSIDE == set()


@pytest.mark.parametrize("module", ["services.command.main", "services.ingest.__main__", "services.alert.__main__"])
def test_only_classify_loads_torch(module: str) -> None:
    code = f"import sys, importlib; importlib.import_module({module!r}); sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_files_are_short_enough_to_read_in_one_sitting() -> None:
    long = [
        str(path.relative_to(SERVICES))
        for path in SERVICES.rglob("*.py")
        if not path.name.endswith("_pb2.py") and len(path.read_text().splitlines()) > 320
    ]
    assert long == []
