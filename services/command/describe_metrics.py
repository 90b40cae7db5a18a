"""docs/runbooks/metrics.md, written from the registry: `python -m services.command.describe_metrics > docs/runbooks/metrics.md`."""

from __future__ import annotations

from prometheus_client.metrics import MetricWrapperBase

from services.stream import metrics

_HEAD = """# Metrics, and what to do about each

Every service shows its own at `/metrics`. Which alert rule watches which: [the runbooks](README.md); all of them in one picture: the
Grafana dashboard "Journey of a post". This page is written from `services/stream/metrics.py` by
`python -m services.command.describe_metrics > docs/runbooks/metrics.md`; a test holds it current.

| metric | type | labels | meaning | what to do |
| --- | --- | --- | --- | --- |
"""


def describe_metrics() -> list[tuple[str, str, tuple[str, ...], str, str]]:
    """(name as scraped, type, labels, meaning, what to do) of every metric of the registry file, in its order."""
    declared = {_scraped(metric): metric for metric in vars(metrics).values() if isinstance(metric, MetricWrapperBase)}
    rows = []
    for name, do in metrics.ACTIONS.items():
        family = next(iter(declared[name].collect()))
        labels: tuple[str, ...] = declared[name]._labelnames
        rows.append((name, family.type, labels, family.documentation, do))
    return rows


def page() -> str:
    """The whole page, as Markdown."""
    rows = (
        f"| `{name}` | {kind} | {', '.join(f'`{label}`' for label in labels)} | {_cell(meaning)} | {_cell(do)} |"
        for name, kind, labels, meaning, do in describe_metrics()
    )
    return _HEAD + "\n".join(rows) + "\n"


def _scraped(metric: MetricWrapperBase) -> str:
    family = next(iter(metric.collect()))
    return family.name + ("_total" if family.type == "counter" else "")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    print(page(), end="")
