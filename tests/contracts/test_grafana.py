"""The dashboard file: current, laid out soundly, on the provisioned datasource, and showing every metric there is."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import yaml

from deploy.grafana.journey import TARGET, build
from services.stream.metrics import ACTIONS

PROJECT = Path(__file__).resolve().parents[2]
GRAFANA = PROJECT / "deploy" / "grafana"


def dashboard() -> dict[str, Any]:
    return dict(json.loads(TARGET.read_text()))


def panels() -> list[dict[str, Any]]:
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def queries() -> list[str]:
    return [target["expr"] for panel in panels() for target in panel["targets"]]


def test_the_file_is_current() -> None:
    assert TARGET.read_text() == build(), "run: python -m deploy.grafana.journey"


def test_its_rows_are_the_journey() -> None:
    rows = [panel["title"] for panel in dashboard()["panels"] if panel["type"] == "row"]
    assert rows == ["Now", "Sources", "Ingest", "Classify", "Stream", "Alert"]


def test_panels_lie_side_by_side_in_24_columns() -> None:
    places = [panel["gridPos"] for panel in dashboard()["panels"]]
    for place in places:
        assert 0 <= place["x"] < place["x"] + place["w"] <= 24
    for one, other in itertools.combinations(places, 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart, (one, other)
    numbers = [panel["id"] for panel in dashboard()["panels"]]
    assert len(set(numbers)) == len(numbers)


def test_each_row_is_filled_to_the_right() -> None:
    """No holes: between the titles of two rows every cell belongs to a panel."""
    everything = dashboard()["panels"]
    tops = [panel["gridPos"]["y"] for panel in everything if panel["type"] == "row"]
    ends = [*tops[1:], max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in everything)]
    for top, end in zip(tops, ends, strict=True):
        cells = sum(p["gridPos"]["w"] * p["gridPos"]["h"] for p in panels() if top < p["gridPos"]["y"] < end)
        assert cells == 24 * (end - top - 1)


def test_the_datasource_is_the_provisioned_one() -> None:
    provisioned = yaml.safe_load((GRAFANA / "provisioning" / "datasources" / "prometheus.yml").read_text())[
        "datasources"
    ]
    (source,) = provisioned
    named = set(
        re.findall(
            r'"uid": "([\w-]+)"', json.dumps([p["datasource"] for p in panels()] + [p["targets"] for p in panels()])
        )
    )
    assert named == {source["uid"]} == {"mythwatch-prometheus"}
    scrape = yaml.safe_load((PROJECT / "deploy" / "prometheus" / "prometheus.yml").read_text())["global"][
        "scrape_interval"
    ]
    assert source["jsonData"]["timeInterval"] == scrape


def test_compose_mounts_what_grafana_is_told_to_read() -> None:
    compose = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())["services"]["grafana"]
    inside = {
        entry.split(":")[1]: PROJECT / entry.split(":")[0] for entry in compose["volumes"] if entry.startswith("./")
    }
    (provider,) = yaml.safe_load((GRAFANA / "provisioning" / "dashboards" / "mythwatch.yml").read_text())["providers"]
    assert inside[provider["options"]["path"]] == TARGET.parent
    assert inside["/etc/grafana/provisioning"] == GRAFANA / "provisioning"
    home = Path(compose["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert inside[str(home.parent)] / home.name == TARGET


def test_it_shows_every_metric_and_no_other() -> None:
    shown = {re.sub("_bucket$", "", name) for query in queries() for name in re.findall(r"mythwatch_\w+", query)}
    assert shown == set(ACTIONS)


def test_each_panel_says_what_to_do() -> None:
    for panel in panels():
        for name in {
            re.sub("_bucket$", "", n) for t in panel["targets"] for n in re.findall(r"mythwatch_\w+", t["expr"])
        }:
            assert ACTIONS[name] in panel["description"], panel["title"]
        assert panel["description"], panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert all(target["legendFormat"] for target in panel["targets"])


def test_it_asks_nothing_of_anybody_else() -> None:
    assert "http" not in TARGET.read_text().replace("mythwatch_ingest_http_requests", "").replace("HTTP", "")
    assert dashboard()["templating"]["list"] == []
    kinds = {panel["type"] for panel in panels()}
    assert kinds <= {"stat", "timeseries", "state-timeline"}, "only panels that Grafana itself brings"
