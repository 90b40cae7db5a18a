"""The figures as text for the terminal and as Markdown for docs/evaluation.md."""

from __future__ import annotations

from collections.abc import Iterator

from services.classify.evaluation.results import Report

TOO_LONG = 200


def markdown(report: Report) -> str:
    """docs/evaluation.md; made by `mythwatch evaluate --write`, never by hand."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield "# Evaluation"
    yield ""
    yield "<!-- Made by `mythwatch evaluate --write docs/evaluation.md`; do not edit. -->"
    yield ""
    yield f"Weights {report.version}. {report.myths} myths of {report.topics} topics were held out of every training"
    yield "(`services/classify/training/held_out.yaml`); other held-out myths set the threshold. Intervals are 95%."
    yield "Posts were written for this project; the figures on real streams will differ."
    yield ""
    yield "## Does a post spread a myth never seen?"
    yield from _wide("matched against", report.stance)
    yield ""
    yield "## Flagged, by what the post is"
    yield from _narrow(("post", "flagged"), report.flags)
    yield ""
    yield "## How far posts come in a stream"
    yield from _narrow(("post", "share"), report.gate)
    for name in report.plots:
        yield ""
        yield f"![{name.replace('-', ' ')}](pictures/{name}.svg)"
    for name, rows in report.groups.items():
        yield ""
        yield f"## By {name}"
        yield from _wide(name, rows)
    yield ""
    yield "## Candidate narratives: risky claims that no known myth explains"
    yield from _narrow(("post", "figure"), report.candidates)
    yield ""
    yield "## The right myth, among all or among 60"
    yield from _wide("matched against", report.matching)
    yield from _narrow(("general fact-checked claims", "figure"), report.general)
    yield ""
    yield "## Heads"
    yield from _narrow(("what", "figure"), report.heads)
    yield ""
    yield "## Worst mistakes"
    yield ""
    yield "| written as | language | flag score | post |"
    yield "| --- | --- | --- | --- |"
    for role, language, score, text in report.worst:
        yield f"| {role} | {language} | {score:.2f} | {_cell(text)} |"


def _wide(corner: str, rows: dict[str, dict[str, str]]) -> Iterator[str]:
    if not rows:
        return
    names = list(next(iter(rows.values())))
    yield ""
    yield f"| {corner} | " + " | ".join(names) + " |"
    yield "| --- |" + " --- |" * len(names)
    for row, figures in rows.items():
        yield f"| {row} | " + " | ".join(figures[name] for name in names) + " |"


def _narrow(header: tuple[str, str], rows: dict[str, str]) -> Iterator[str]:
    yield ""
    yield f"| {header[0]} | {header[1]} |"
    yield "| --- | --- |"
    for name, figure in rows.items():
        yield f"| {name} | {figure} |"


def _cell(text: str) -> str:
    plain = " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
    return plain if len(plain) <= TOO_LONG else plain[: TOO_LONG - 1] + "…"
