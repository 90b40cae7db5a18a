"""Figures on public dev rows: heads by source, false flags on ordinary public posts, general fact-checked claims."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from services.classify.evaluation import figures
from services.classify.evaluation.results import Report
from services.classify.heads import KINDS
from services.classify.knowledge_base import Myth
from services.classify.pipeline import Classifier
from services.classify.training import corpus
from services.classify.training.corpus import Row
from services.classify.training.labels import Target, of_public
from services.classify.verdict import PostIn, Verdict

CHATTER_SOURCES = ("tweeteval",)
ORDINARY_HEALTH = ("redhot", "rhmd", "vira", "claff", "selfmed")
"""Public posts about health that nobody wrote to spread a myth; a flag on one is counted as false."""
ROWS_A_SOURCE = 300


def public_figures(report: Report, classifier: Classifier, data: Path) -> None:
    """Heads on public dev rows by source, and false flags on ordinary public posts."""
    flagged: dict[str, list[bool]] = defaultdict(list)
    read: list[bool] = []
    for name in ("claim_kind", "misinformation"):
        groups: dict[str, list[tuple[Row, Target]]] = defaultdict(list)
        for row in corpus.rows(data, name):
            target = of_public(name, row.source, row.label)
            if row.split == "dev" and target is not None:
                cap = 1_000 if row.source in CHATTER_SOURCES else ROWS_A_SOURCE
                if len(groups[row.source]) < cap:
                    groups[row.source].append((row, target))
        for source, members in sorted(groups.items()):
            verdicts = classifier.classify([PostIn("", row.text, "en") for row, _ in members], gate=False)
            _head_figures(report, source, [target for _, target in members], verdicts)
            kind = "chatter" if source in CHATTER_SOURCES else "health" if source in ORDINARY_HEALTH else ""
            if source in ("caves", "yuan"):
                for (row, _), verdict in zip(members, verdicts, strict=True):
                    against = row.label.split(":")[0] in ("antivax_concern", "antivax_stance")
                    flagged["against" if against else "not against"].append(verdict.flag)
            if kind:
                flagged[kind] += [verdict.flag for verdict in verdicts]
                passes = classifier.passes([row.text for row, _ in members])
                read += [all(way) and classifier.would_read_on(v) for way, v in zip(passes, verdicts, strict=True)]
    report.gate["public ordinary posts: to the stance model"] = str(figures.share(read))
    for name in ("against", "not against"):
        report.flags[f"public posts {name} vaccination (caves, yuan)"] = str(figures.share(flagged[name]))
    report.flags["public chatter (tweeteval)"] = str(figures.share(flagged["chatter"]))
    report.flags[f"public ordinary health ({', '.join(ORDINARY_HEALTH)})"] = str(figures.share(flagged["health"]))


def _head_figures(report: Report, source: str, targets: Sequence[Target], verdicts: Sequence[Verdict]) -> None:
    for head in ("health", "claim", "misinformation"):
        rows = [(getattr(t, head), getattr(v, head)) for t, v in zip(targets, verdicts, strict=True)]
        known = [(bool(truth), score) for truth, score in rows if truth is not None]
        truth = [one for one, _ in known]
        if len(set(truth)) == 2:
            area = figures.auc(truth, [score for _, score in known])
            hit = figures.f1(truth, [score >= 0.5 for _, score in known])
            report.heads[f"{head}, {source}: AUC, F1"] = f"{area:.3f}, {hit:.2f} (n={len(known)})"
    right = [KINDS[t.kind] == v.kind for t, v in zip(targets, verdicts, strict=True) if t.kind is not None]
    if right:
        report.heads[f"kind, {source}: right"] = str(figures.share(right))


def general_claims(classifier: Classifier, data: Path) -> dict[str, str]:
    """MAP@5 of the posts on general fact-checked claims, among all of those claims."""
    claims = [Myth(id=row["id"], claim={"en": row["text"]}) for row in _rows(data / "claim_matching_claims.jsonl")]
    rows = [row for row in _rows(data / "claim_matching_posts.jsonl") if row["split"] == "dev"]
    verdicts = classifier.with_myths(claims).classify([PostIn("", row["text"], "en") for row in rows], gate=False)
    ranks = []
    for row, verdict in zip(rows, verdicts, strict=True):
        listed = [myth for myth, _ in verdict.candidates]
        ranks.append(listed.index(row["label"]) if row["label"] in listed else None)
    return {f"MAP@5 among {len(claims):,} claims": f"{figures.mean_average_precision(ranks):.3f} (n={len(ranks)})"}


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]
