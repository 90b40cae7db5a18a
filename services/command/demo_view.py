"""How the demo's terminal looks: the journey by stage, the cases, and what people received."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from services.command.demo_settings import DemoSettings
from services.stream import events_pb2 as events

if TYPE_CHECKING:
    from services.command.demo_watch import Seen

TRIAGE_STYLE = {"respond": "bold red", "monitor": "yellow", "ignore": "dim"}


def addresses(settings: DemoSettings) -> list[str]:
    """Where to look, a line each."""
    metrics = [settings.ingest_metrics_port, settings.classify_metrics_port, settings.alert_metrics_port]
    return [
        f"Console            http://127.0.0.1:{settings.console_port}   (name officer, password demo-officer)",
        f"Received messages  http://127.0.0.1:{settings.messages_port}   (Slack)   "
        f"http://127.0.0.1:{settings.messages_port}/mail   (e-mail)",
        "Metrics            " + "   ".join(f"http://127.0.0.1:{port}/metrics" for port in metrics),
    ]


def one_line(seen: Seen) -> str:
    """The state in one line, where there is no terminal to draw on."""
    edits = sum(int(message.get("edits", 0)) for message in seen.slack)
    return (
        f"posts in {seen.total('ingest', 'mythwatch_records_written_total', topic='posts'):.0f}, "
        f"classified {seen.total('classify', 'mythwatch_posts_classified_total'):.0f}, "
        f"flagged {seen.total('classify', 'mythwatch_posts_classified_total', outcome='flagged'):.0f}, "
        f"cases {len(seen.cases)}, Slack messages {len(seen.slack)} (edited {edits} times), mails {len(seen.mails)}"
    )


def draw(seen: Seen, settings: DemoSettings, seconds: float) -> RenderableType:
    """The whole view; `seconds` since the start."""
    top = Text("\n".join(addresses(settings)) + "\n", style="cyan")
    title = f"Mythwatch   {seconds:.0f} s   Ctrl-C stops everything"
    return Panel(Group(top, _journey(seen), _cases(seen), _told(seen)), title=title, border_style="blue")


def _journey(seen: Seen) -> Table:
    table = Table(title="The journey of a post", title_justify="left", expand=True)
    for column in ("stage", "state", "in", "out", "lag", "dead letters", "what"):
        table.add_column(column, justify="right" if column in ("in", "out", "lag", "dead letters") else "left")
    flagged = seen.total("classify", "mythwatch_posts_classified_total", outcome="flagged")
    rows: tuple[tuple[str, str, dict[str, str], dict[str, str], str], ...] = (
        ("ingest", "mythwatch_source_events_total", {}, {"topic": "posts"}, "normalised, pseudonymised"),
        ("classify", "mythwatch_records_consumed_total", {}, {"topic": "verdicts"}, f"{flagged:.0f} flagged"),
        ("alert", "mythwatch_records_consumed_total", {}, {"topic": "notifications"}, f"{len(seen.cases)} cases"),
    )
    for service, read, read_labels, written_labels, what in rows:
        table.add_row(
            service,
            seen.ready.get(service, "starting"),
            f"{seen.total(service, read, **read_labels):,.0f}",
            f"{seen.total(service, 'mythwatch_records_written_total', **written_labels):,.0f}",
            f"{seen.total(service, 'mythwatch_lag_records'):,.0f}",
            f"{seen.total(service, 'mythwatch_dead_letters_total'):,.0f}",
            what,
        )
    return table


def _cases(seen: Seen) -> Table:
    table = Table(title="Cases: one for each narrative", title_justify="left", expand=True)
    for column, width in (("advice", 8), ("posts", 5), ("authors", 7), ("claim", None), ("why", None)):
        table.add_column(column, width=width, no_wrap=width is not None)
    for case in sorted(seen.cases.values(), key=lambda case: (-case.triage, -case.posts))[:8]:
        triage = events.Triage.Name(case.triage).removeprefix("TRIAGE_").lower()
        claim = Text(case.claim)  # Text, not markup: nothing from outside is interpreted
        table.add_row(
            Text(triage, style=TRIAGE_STYLE.get(triage, "")), str(case.posts), str(case.authors), claim,
            Text(case.triage_reason),
        )  # fmt: skip
    return table


def _told(seen: Seen) -> Table:
    table = Table(title="What people received", title_justify="left", expand=True)
    table.add_column("by", width=7)
    table.add_column("message")
    table.add_column("", justify="right", width=14)
    for message in seen.slack[-5:]:
        edits = int(message.get("edits", 0))
        table.add_row(
            "Slack",
            Text(str(message.get("text", "")).partition("\n")[0][:200]),
            f"edited {edits} times" if edits else "",
        )
    for mail in seen.mails[-4:]:
        table.add_row("e-mail", Text(str(mail.get("subject", ""))[:200]), "")
    return table
