"""The dashboard "Journey of a post": what each panel shows, in the order of the journey.

`python -m deploy.grafana.journey` writes dashboards/journey.json; a test holds that file current. Each panel's description
ends with what services/stream/metrics.py says to do about the metrics that it shows.
"""

from __future__ import annotations

import json
from pathlib import Path

from deploy.grafana.panels import Panel, Row, Steps, dashboard

TARGET = Path(__file__).with_name("dashboards") / "journey.json"
RATE = "[$__rate_interval]"
UP_AND_DOWN = {1: ("connected", "good"), 0: ("away", "bad")}
YES_NO = {1: ("ready", "good"), 0: ("waiting", "bad")}
BROKEN = {1: ("refused", "bad"), 0: ("works", "good")}


def quantile(share: float, metric: str, by: str, where: str = "") -> str:
    """PromQL: a quantile of a histogram over the panel's interval."""
    return f"histogram_quantile({share}, sum by ({by}, le) (rate({metric}_bucket{where}{RATE})))"


def both(metric: str, by: str, where: str = "") -> dict[str, str]:
    """Legend -> PromQL: the median and the 99th percentile."""
    legend = "{{" + by + "}}"
    return {f"{legend} p50": quantile(0.5, metric, by, where), f"{legend} p99": quantile(0.99, metric, by, where)}


NOW = Row(
    "Now",
    [
        Panel(
            "Alerts firing",
            "stat",
            {"alerts": 'count(ALERTS{alertstate="firing"}) or vector(0)'},
            4,
            4,
            steps=Steps(1, 1),
            note="Rules of deploy/prometheus; each has a page in docs/runbooks.",
        ),
        Panel("Services", "stat", {"{{service}}": "min by (service) (mythwatch_ready)"}, 8, 4, means=YES_NO),
        Panel(
            "Posts in 24 hours",
            "stat",
            {"posts": "sum(increase(mythwatch_posts_classified_total[24h]))"},
            4,
            4,
        ),
        Panel(
            "Open cases to answer",
            "stat",
            {"cases": 'sum(mythwatch_cases{status="open", triage="respond"}) or vector(0)'},
            4,
            4,
            steps=Steps(10, 30),
        ),
        Panel(
            "From post to alert, p99",
            "stat",
            {"p99": "histogram_quantile(0.99, sum by (le) (rate(mythwatch_alert_seconds_bucket[1h])))"},
            4,
            4,
            unit="s",
            steps=Steps(5, 30),
            empty="no alert in the last hour",
        ),
    ],
)

SOURCES = Row(
    "Sources",
    [
        Panel(
            "Silent for",
            "stat",
            {"{{source}}": "time() - max by (source) (mythwatch_source_last_event_seconds)"},
            6,
            6,
            unit="s",
            steps=Steps(300, 600),
            note="Time since the latest event of each source.",
        ),
        Panel(
            "Connected",
            "stat",
            {"{{source}}": "min by (source) (mythwatch_source_connected)"},
            4,
            6,
            means=UP_AND_DOWN,
            empty="no source that keeps a connection",
        ),
        Panel(
            "Events by outcome",
            "timeseries",
            {"{{source}} {{outcome}}": f"sum by (source, outcome) (rate(mythwatch_source_events_total{RATE}))"},
            14,
            6,
            unit="cps",
        ),
        Panel(
            "Reconnects in an hour",
            "timeseries",
            {"{{source}} {{why}}": "sum by (source, why) (increase(mythwatch_source_reconnects_total[1h]))"},
            14,
            5,
            empty="none",
        ),
        Panel(
            "Gaps in 24 hours",
            "stat",
            {"{{source}}": "sum by (source) (increase(mythwatch_source_gaps_total[24h]))"},
            10,
            5,
            steps=Steps(1, 1),
            empty="none",
            note="Posts between two such moments were never seen.",
        ),
    ],
)

INGEST = Row(
    "Ingest",
    [
        Panel(
            "Posts confirmed by Kafka",
            "timeseries",
            {"posts": f'sum(rate(mythwatch_records_written_total{{service="ingest", topic="posts"}}{RATE}))'},
            8,
            6,
            unit="cps",
        ),
        Panel(
            "HTTP answers by status",
            "timeseries",
            {"{{status}}": f"sum by (status) (rate(mythwatch_ingest_http_requests_total{RATE}))"},
            8,
            6,
            unit="reqps",
        ),
        Panel(
            "Time of a batch by stage",
            "timeseries",
            both("mythwatch_stage_seconds", "stage", '{service="ingest"}'),
            8,
            6,
            unit="s",
        ),
    ],
)

CLASSIFY = Row(
    "Classify",
    [
        Panel(
            "Posts by outcome",
            "timeseries",
            {
                "{{outcome}}": f"sum by (outcome) (rate(mythwatch_posts_classified_total{RATE}))",
                "of no known myth": f"sum(rate(mythwatch_unexplained_claims_total{RATE}))",
            },
            10,
            6,
            unit="cps",
            stacked=True,
        ),
        Panel(
            "Share flagged",
            "timeseries",
            {
                "flagged": '(sum(rate(mythwatch_posts_classified_total{outcome="flagged"}[30m])) or vector(0))'
                " / sum(rate(mythwatch_posts_classified_total[30m]))"
            },
            8,
            6,
            unit="percentunit",
            steps=Steps(0.05, 0.10),
            note="Over 30 minutes; about 1% is usual in a health stream.",
        ),
        Panel(
            "Myths known",
            "stat",
            {"myths": "max(mythwatch_myths_known)", "judged not a myth": "max(mythwatch_lessons)"},
            6,
            3,
        ),
        Panel(
            "Model",
            "stat",
            {"{{version}} on {{backend}}": "max by (version, backend) (mythwatch_model_info)"},
            6,
            9,
            names=True,
        ),
        Panel(
            "Time of a batch by stage",
            "timeseries",
            both("mythwatch_stage_seconds", "stage", '{service="classify"}'),
            11,
            6,
            unit="s",
        ),
        Panel(
            "Second opinions",
            "timeseries",
            {"{{answer}} {{why}}": f"sum by (answer, why) (rate(mythwatch_second_opinions_total{RATE}))"},
            7,
            6,
            note="Only where an endpoint is set; it can take a flag back, never add one.",
        ),
    ],
)

STREAM = Row(
    "Stream",
    [
        Panel(
            "Lag",
            "timeseries",
            {"{{service}} on {{topic}}": "sum by (service, topic) (mythwatch_lag_records)"},
            12,
            6,
            steps=Steps(500, 5_000),
        ),
        Panel(
            "Records read",
            "timeseries",
            {"{{service}} from {{topic}}": f"sum by (service, topic) (rate(mythwatch_records_consumed_total{RATE}))"},
            6,
            6,
            unit="cps",
        ),
        Panel(
            "Records written",
            "timeseries",
            {"{{service}} to {{topic}}": f"sum by (service, topic) (rate(mythwatch_records_written_total{RATE}))"},
            6,
            6,
            unit="cps",
        ),
        Panel(
            "Time since ingest received the post",
            "timeseries",
            both("mythwatch_journey_seconds", "service"),
            12,
            6,
            unit="s",
            steps=Steps(5, 30),
            note="At the end of each service: the first that is late is the cause.",
        ),
        Panel(
            "Readiness",
            "state-timeline",
            {"{{service}}": "min by (service) (mythwatch_ready)"},
            12,
            6,
            means=YES_NO,
        ),
        Panel(
            "Batches held back",
            "timeseries",
            {"{{service}}": f"sum by (service) (rate(mythwatch_batches_retried_total{RATE}))"},
            12,
            5,
            unit="cps",
            empty="none",
        ),
        Panel(
            "Dead letters in an hour",
            "timeseries",
            {"{{service}} of {{topic}}": "sum by (service, topic) (increase(mythwatch_dead_letters_total[1h]))"},
            12,
            5,
            empty="none",
        ),
    ],
)

ALERT = Row(
    "Alert",
    [
        Panel(
            "Cases by status and advice", "timeseries",
            {"{{status}}, {{triage}}": "sum by (status, triage) (mythwatch_cases)"}, 12, 6, stacked=True,
        ),
        Panel(
            "Notifications in an hour", "timeseries",
            {"{{channel}} {{outcome}}": "sum by (channel, outcome) (increase(mythwatch_notifications_total[1h]))"}, 12, 6,
        ),
        Panel("Outbox: waiting", "timeseries", {"{{channel}}": "sum by (channel) (mythwatch_outbox_waiting)"}, 8, 6),
        Panel(
            "Outbox: oldest", "timeseries", {"{{channel}}": "max by (channel) (mythwatch_outbox_oldest_seconds)"}, 8, 6, unit="s",
            steps=Steps(60, 300),
        ),
        Panel(
            "Channels", "stat",
            {"{{channel}}": "max by (channel) (mythwatch_channel_broken)", "routes file": "max(mythwatch_routes_broken)"}, 8, 6,
            means=BROKEN, note="Do Slack and the mail relay take our credentials, and can the routes file be read?",
        ),
        Panel(
            "From post to alert", "timeseries", both("mythwatch_alert_seconds", "channel"), 8, 6, unit="s", steps=Steps(5, 30),
            empty="no alert was sent in this interval",
        ),
        Panel(
            "Forgotten in time", "timeseries", {"{{table}}": "sum by (table) (increase(mythwatch_forgotten_total[24h]))"}, 6, 6,
            empty="nothing is old enough yet",
        ),
        Panel(
            "Decisions of people in 24 hours", "timeseries",
            {"{{action}} by {{via}}": "sum by (action, via) (increase(mythwatch_feedback_total[24h]))"}, 6, 6, empty="none yet",
        ),
        Panel(
            "Precision, by people's decisions", "stat",
            {
                "acknowledged": 'sum(increase(mythwatch_feedback_total{action="acknowledge"}[30d]))'
                ' / sum(increase(mythwatch_feedback_total{action=~"acknowledge|not_a_myth"}[30d]))'
            },
            4, 6, unit="percentunit", steps=Steps(0.5, 0.8, more_is_better=True), empty="no decisions yet",
            note="Of the cases that people acknowledged or called no myth in 30 days, the share that they acknowledged.",
        ),
    ],
)  # fmt: skip

ROWS = (NOW, SOURCES, INGEST, CLASSIFY, STREAM, ALERT)


def build() -> str:
    """The dashboard as Grafana reads it."""
    return json.dumps(dashboard("mythwatch-journey", "Journey of a post", ROWS), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(build(), encoding="utf-8")
    print(f"wrote {TARGET}")
