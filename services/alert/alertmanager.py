"""A telling as Alertmanager says it to its webhooks, for what operations have already (pagers, bridges to chat). Pure.

Version 4 of the payload: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from services.alert.cases import CaseView, Job, Status, Triage
from services.alert.outages import Notice

PREFIX = "alertmanager+"
"""Before an address in MYTHWATCH_ALERT_WEBHOOKS: what is sent there is in this form."""

_SEVERITY = {Triage.RESPOND: "critical", Triage.MONITOR: "warning", Triage.IGNORE: "info"}
_NEVER = "0001-01-01T00:00:00Z"
"""What Go writes for no time: an alert that hasn't ended."""


def case_alert(job: Job, view: CaseView, console: str) -> dict[str, Any]:
    """A case: firing while it is open or somebody is on it, resolved once it is answered, muted, merged or judged not a myth."""
    case = view.case
    over = case.status not in (Status.OPEN, Status.ACKNOWLEDGED) or not case.counts.posts
    labels = {
        "alertname": "MythwatchCase", "service": "mythwatch", "severity": _SEVERITY[case.triage], "case": case.id,
        "myth": case.myth_id, "advice": case.triage.value, "harm": case.harm.value,
    }  # fmt: skip
    annotations = {"summary": case.claim, "description": f"{case.triage_reason} ({job.reason})"}
    return _payload(
        job.recipient, f"{console}/cases/{case.id}", case.id[:16], labels, annotations, case.counts.first_seen_ms or case.created_ms,
        job.created_ms if over else 0, console,
    )  # fmt: skip


def notice_alert(recipient: str, notice: Notice, console: str, now_ms: int) -> dict[str, Any]:
    """That a channel fails, or works again."""
    labels = {
        "alertname": "MythwatchChannelFailing", "service": "mythwatch", "severity": "critical", "channel": notice.channel.value,
    }  # fmt: skip
    annotations = {"summary": notice.title, "description": notice.text}
    print_of = f"{notice.channel.value}{notice.since_ms:x}"
    return _payload(
        recipient, console, print_of, labels, annotations, notice.since_ms, now_ms if notice.over else 0, console
    )


def _payload(
    receiver: str, url: str, fingerprint: str, labels: dict[str, str], annotations: dict[str, str], since_ms: int, until_ms: int,
    console: str,
) -> dict[str, Any]:  # fmt: skip
    status = "resolved" if until_ms else "firing"
    alert = {
        "status": status, "labels": labels, "annotations": annotations, "startsAt": _time(since_ms),
        "endsAt": _time(until_ms) if until_ms else _NEVER, "generatorURL": url, "fingerprint": fingerprint,
    }  # fmt: skip
    name = {"alertname": labels["alertname"]}
    return {
        "version": "4", "groupKey": f'{{}}:{{alertname="{name["alertname"]}", fingerprint="{fingerprint}"}}', "truncatedAlerts": 0,
        "status": status, "receiver": receiver, "groupLabels": name, "commonLabels": labels,
        "commonAnnotations": annotations, "externalURL": console, "alerts": [alert],
    }  # fmt: skip


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
