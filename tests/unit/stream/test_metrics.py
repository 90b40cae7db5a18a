"""Each metric says what to do about it, and labels stay few."""

from __future__ import annotations

from prometheus_client import REGISTRY

from services.stream import metrics


def test_every_metric_of_ours_has_an_action() -> None:
    families = {family.name for family in REGISTRY.collect() if family.name.startswith("mythwatch_")}
    declared = {name.removesuffix("_total") for name in metrics.ACTIONS}
    assert families == declared
    assert all(len(action) > 20 for action in metrics.ACTIONS.values())


def test_no_label_could_hold_a_post_or_a_person() -> None:
    allowed = {
        "service",
        "topic",
        "le",
        "stage",
        "source",
        "outcome",
        "why",
        "status",
        "triage",
        "channel",
        "action",
        "via",
        "version",
        "backend",
        "table",
    }
    for family in REGISTRY.collect():
        for sample in family.samples:
            if family.name.startswith("mythwatch_"):
                assert set(sample.labels) <= allowed
