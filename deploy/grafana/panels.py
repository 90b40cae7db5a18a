"""From a panel in a few words to Grafana's JSON: one datasource, 24 columns, calm colours, advice from the metrics registry."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.stream.metrics import ACTIONS

DATASOURCE = {"type": "prometheus", "uid": "mythwatch-prometheus"}
SCHEMA_VERSION = 41  # Grafana 12
COLUMNS = 24

GOOD, WATCH, BAD, PLAIN, QUIET = "#6FA287", "#D9A85B", "#C8705A", "#5B9AA0", "#A3AEB8"
COLOURS = {"good": GOOD, "bad": BAD}
# The first that matches a legend colours its line.
LINES = (
    (r"/rejected|failed|not_a_myth|^5\d\d$|^4\d\d$/", BAD),
    (r"/flagged|unsure|respond/", WATCH),
    (r"/passed|ignored|dismissed|duplicate/", QUIET),
    (r"/accepted|sent|acknowledge|^2\d\d$/", GOOD),
    (r"/^ingest/", PLAIN),
    (r"/^classify/", "#6C8EBF"),
    (r"/^alert/", "#9A86A4"),
)


@dataclass(frozen=True)
class Steps:
    """Values from which a panel asks for attention, and for action; in the panel's unit."""

    watch: float
    bad: float
    more_is_better: bool = False


@dataclass(frozen=True)
class Panel:
    """One panel. `queries` is legend -> PromQL; `means` maps a value to (word, "good" or "bad")."""

    title: str
    kind: str
    queries: dict[str, str]
    width: int
    height: int
    unit: str = "short"
    steps: Steps | None = None
    means: dict[int, tuple[str, str]] | None = None
    stacked: bool = False
    names: bool = False
    note: str = ""
    empty: str = ""


@dataclass(frozen=True)
class Row:
    """A stage of the journey."""

    title: str
    panels: list[Panel]


def dashboard(uid: str, title: str, rows: Sequence[Row]) -> dict[str, Any]:
    """The whole dashboard; panels flow from left to right, each to the lowest place where it fits."""
    panels: list[dict[str, Any]] = []
    top = 0
    for row in rows:
        panels.append(
            {"id": len(panels) + 1, "type": "row", "title": row.title, "collapsed": False, "panels": [],
             "gridPos": {"x": 0, "y": top, "w": COLUMNS, "h": 1}}
        )  # fmt: skip
        heights = [top + 1] * COLUMNS
        for panel in row.panels:
            x, y = _place(heights, panel)
            heights[x : x + panel.width] = [y + panel.height] * panel.width
            panels.append(_panel(panel, len(panels) + 1, x, y))
        top = max(heights)
    return {
        "uid": uid,
        "title": title,
        "description": "From the source that delivers a post to the person who is told: each row is a stage, in order.",
        "tags": ["mythwatch"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "timezone": "browser",
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": []},
        "annotations": {"list": [_firing()]},
        "links": [],
        "panels": panels,
    }


def _place(heights: list[int], panel: Panel) -> tuple[int, int]:
    places = [(max(heights[x : x + panel.width]), x) for x in range(COLUMNS - panel.width + 1)]
    y, x = min(places)
    return x, y


def _panel(panel: Panel, number: int, x: int, y: int) -> dict[str, Any]:
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": _description(panel),
        "datasource": DATASOURCE,
        "gridPos": {"x": x, "y": y, "w": panel.width, "h": panel.height},
        "targets": [
            {
                "refId": chr(ord("A") + place),
                "datasource": DATASOURCE,
                "editorMode": "code",
                "expr": query,
                "legendFormat": legend,
                "instant": panel.kind == "stat",
                "range": panel.kind != "stat",
            }
            for place, (legend, query) in enumerate(panel.queries.items())
        ],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": _overrides(panel)},
        "options": _options(panel),
    }


def _description(panel: Panel) -> str:
    """What it shows, then what to do, from the registry."""
    names = dict.fromkeys(re.findall(r"mythwatch_\w+", " ".join(panel.queries.values())))
    advice = [f"`{name}`: {ACTIONS[name]}" for name in dict.fromkeys(re.sub("_bucket$", "", name) for name in names)]
    return "\n\n".join(filter(None, [panel.note, *advice]))


def _defaults(panel: Panel) -> dict[str, Any]:
    made: dict[str, Any] = {
        "unit": panel.unit,
        "min": 0,
        "color": {"mode": "thresholds" if panel.kind != "timeseries" else "palette-classic"},
        "thresholds": {"mode": "absolute", "steps": _steps(panel)},
        "mappings": [],
        "noValue": panel.empty or "no data",
    }
    if panel.unit == "percentunit":
        made |= {"max": 1, "decimals": 1} if panel.kind == "stat" else {"decimals": 1}
    if panel.means:
        options = {
            str(value): {"text": word, "color": COLOURS[how], "index": place}
            for place, (value, (word, how)) in enumerate(panel.means.items())
        }
        made["mappings"] = [{"type": "value", "options": options}]
    if panel.kind == "timeseries":
        made["custom"] = {
            "lineWidth": 1.5,
            "fillOpacity": 25 if panel.stacked else 6,
            "showPoints": "never",
            "lineInterpolation": "monotone",
            "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
            "thresholdsStyle": {"mode": "dashed" if panel.steps else "off"},
        }
    return made


def _steps(panel: Panel) -> list[dict[str, Any]]:
    if panel.steps is None:
        return [{"color": PLAIN, "value": None}]
    first, last = (BAD, GOOD) if panel.steps.more_is_better else (GOOD, BAD)
    middle = [] if panel.steps.watch == panel.steps.bad else [{"color": WATCH, "value": panel.steps.watch}]
    return [{"color": first, "value": None}, *middle, {"color": last, "value": panel.steps.bad}]


def _overrides(panel: Panel) -> list[dict[str, Any]]:
    if panel.kind != "timeseries":
        return []
    # Grafana lets the last one win. Shades, so that two lines of one service can be told apart.
    colours = [
        (pattern, {"id": "color", "value": {"mode": "shades", "fixedColor": colour}})
        for pattern, colour in reversed(LINES)
    ]
    median = (r"/ p50$/", {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [6, 6]}})
    return [
        {"matcher": {"id": "byRegexp", "options": pattern}, "properties": [what]}
        for pattern, what in (*colours, median)
    ]


def _options(panel: Panel) -> dict[str, Any]:
    if panel.kind == "timeseries":
        legend = {"showLegend": True, "displayMode": "list", "placement": "bottom", "calcs": []}
        return {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}
    if panel.kind == "state-timeline":
        return {"showValue": "never", "mergeValues": True, "rowHeight": 0.8, "legend": {"showLegend": False}}
    text = (
        "name"
        if panel.names
        else "auto"
        if len(panel.queries) == 1 and "{{" not in next(iter(panel.queries))
        else "value_and_name"
    )
    return {
        "colorMode": "none" if panel.names else "value",
        "graphMode": "none",
        "justifyMode": "center",
        "orientation": "auto",
        "textMode": text,
        "wideLayout": True,
        "reduceOptions": {"values": False, "calcs": ["lastNotNull"], "fields": ""},
    }


def _firing() -> dict[str, Any]:
    """A mark on every graph where an alert began."""
    return {
        "name": "Alerts",
        "enable": True,
        "iconColor": BAD,
        "datasource": DATASOURCE,
        "expr": 'ALERTS{alertstate="firing", severity="critical"}',
        "step": "60s",
        "titleFormat": "{{alertname}}",
        "textFormat": "{{service}}{{source}}{{channel}}",
    }
