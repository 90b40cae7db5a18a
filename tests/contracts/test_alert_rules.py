"""The alert rules: valid, tested one by one with promtool, each with a runbook page that names what really exists."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from services.command.describe_metrics import describe_metrics, page
from services.stream import metrics

PROJECT = Path(__file__).resolve().parents[2]
PROMETHEUS = PROJECT / "deploy" / "prometheus"
RULES_FILE = PROMETHEUS / "mythwatch.rules.yml"
RUNBOOKS = PROJECT / "docs" / "runbooks"


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES_FILE.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def promtool(*arguments: str) -> str:
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, cwd=PROMETHEUS)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_promtool_finds_nothing_wrong() -> None:
    assert f"SUCCESS: {len(rules())} rules found" in promtool("check", "rules", RULES_FILE.name)
    promtool("check", "config", "prometheus.yml")


def test_each_rule_fires_when_it_should_and_only_then() -> None:
    promtool("test", "rules", "mythwatch.rules.test.yml")
    tested = (PROMETHEUS / "mythwatch.rules.test.yml").read_text()
    for rule in rules():
        assert rule["alert"] in tested, f"{rule['alert']} has no unit test"


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_each_rule_says_how_grave_it_is_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"]["summary"]
    assert len(rule["annotations"]["description"]) > 40
    runbook = PROJECT / rule["annotations"]["runbook_url"]
    assert runbook.parent == RUNBOOKS
    text = runbook.read_text()
    assert text.startswith(f"# {rule['alert']} ({rule['labels']['severity']})"), (
        "the page is of another rule or severity"
    )
    assert "**What it means.**" in text
    assert "**Look.**" in text
    index = (RUNBOOKS / "README.md").read_text()
    assert f"| {rule['alert']} | {rule['labels']['severity']} | [{runbook.name}]({runbook.name}) |" in index


def test_rules_use_metrics_that_exist() -> None:
    names = {name for name, *_ in describe_metrics()}
    for rule in rules():
        used = {re.sub("_(bucket|count|sum)$", "", name) for name in re.findall(r"mythwatch_\w+", rule["expr"])}
        assert used <= names, rule["alert"]


def test_runbooks_and_metrics_name_log_lines_that_are_written() -> None:
    code = "\n".join(path.read_text() for path in (PROJECT / "services").rglob("*.py"))
    written = set(re.findall(r'action="(\w+)"', code))
    # Readiness writes `<what>_away` for whatever is awaited.
    written |= {f"{name}_away" for name in re.findall(r'wait_for\("(\w+)"', code)}
    for path in RUNBOOKS.glob("*.md"):
        named = set(re.findall(r"action=(\w+)", path.read_text()))
        assert named <= written, f"{path.name} names log lines that nothing writes: {named - written}"


def test_the_links_of_the_runbooks_lead_somewhere() -> None:
    for path in RUNBOOKS.glob("*.md"):
        for target in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
            assert (RUNBOOKS / target).resolve().exists(), f"{path.name}: {target}"


def test_the_page_of_metrics_is_current() -> None:
    assert (RUNBOOKS / "metrics.md").read_text() == page(), (
        "run: python -m services.command.describe_metrics > docs/runbooks/metrics.md"
    )


def test_every_metric_is_on_the_page() -> None:
    declared = [metric for metric in vars(metrics).values() if isinstance(metric, MetricWrapperBase)]
    assert len(describe_metrics()) == len(declared)
    assert all(name in page() and do for name, *_, do in describe_metrics())


def test_prometheus_scrapes_the_ports_that_the_services_listen_on() -> None:
    from services.alert.settings import AlertSettings
    from services.classify.settings import ClassifySettings
    from services.ingest.settings import IngestSettings

    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    targets = config["scrape_configs"][0]["static_configs"][0]["targets"]
    expected = []
    for cls in (IngestSettings, ClassifySettings, AlertSettings):
        port = next(f.default for f in cls.model_fields.values() if "/metrics" in (f.description or ""))
        expected.append(f"{cls.__name__.removesuffix('Settings').lower()}:{port}")
    assert targets == expected
