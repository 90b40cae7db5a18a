"""Runs the classifier over what was held out, and gathers the figures by name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from services.classify.evaluation import figures
from services.classify.heads import KINDS
from services.classify.knowledge_base import Myth
from services.classify.pipeline import Classifier, PostIn, Verdict
from services.classify.settings import ClassifySettings
from services.classify.training import corpus
from services.classify.training.corpus import AuthoredPost, Row
from services.classify.training.labels import AUTHORED, ORDINARY, Target, of_public

WORST = 20
CHATTER_SOURCES = ("tweeteval",)
ORDINARY_HEALTH = ("redhot", "rhmd", "vira", "claff", "selfmed")
"""Public posts about health that nobody wrote to spread a myth; a flag on one is counted as false."""
ROWS_A_SOURCE = 300


@dataclass(frozen=True)
class Scored:
    """A held-out post with its verdict."""

    post: AuthoredPost
    verdict: Verdict

    @property
    def spreads(self) -> bool:
        """Is it meant to be flagged."""
        return self.post.stance == "endorse"


@dataclass
class Report:
    """Everything that `mythwatch evaluate` says. `checked` are the figures with a tolerance."""

    version: str
    myths: int
    topics: int
    stance: dict[str, dict[str, str]] = field(default_factory=dict)
    flags: dict[str, str] = field(default_factory=dict)
    languages: dict[str, dict[str, str]] = field(default_factory=dict)
    gate: dict[str, str] = field(default_factory=dict)
    matching: dict[str, dict[str, str]] = field(default_factory=dict)
    heads: dict[str, str] = field(default_factory=dict)
    worst: list[tuple[str, str, float, str]] = field(default_factory=list)
    checked: dict[str, float] = field(default_factory=dict)


def dev_posts(split: str = "dev") -> tuple[list[AuthoredPost], list[Myth]]:
    """Held-out authored posts (with ordinary ones) and the myths they are about."""
    myths, held = corpus.training_myths(), corpus.held_out()
    splits = {myth.id: held.split(myth) for myth in myths}
    posts = [
        post
        for post in corpus.authored_posts(myths)
        if (splits[post.myth] if post.myth else corpus.ordinary_split(post.text)) == split
    ]
    return posts, [myth for myth in myths if splits[myth.id] == split]


def score_posts(classifier: Classifier, posts: Sequence[AuthoredPost]) -> list[Scored]:
    """Verdicts of authored posts."""
    wanted = [PostIn(str(place), post.text, post.language) for place, post in enumerate(posts)]
    return [Scored(post, verdict) for post, verdict in zip(posts, classifier.classify(wanted, gate=False), strict=True)]


def evaluate(settings: ClassifySettings, data: Path | None) -> Report:
    """All figures; those on public rows only with the `data` folder. Raises as Classifier.load does."""
    posts, unseen = dev_posts()
    built_in = Classifier.load(settings)
    report = Report(built_in.version, len(unseen), len({myth.topic for myth in unseen}))
    everything = corpus.training_myths()
    complete = built_in.with_myths(everything)
    strangers = built_in.with_myths([Myth(id=myth.id, claim={"en": myth.title("en")}) for myth in everything])
    for name, classifier in (("knowledge base and training claims", complete), ("only the English claim", strangers)):
        scored = score_posts(classifier, posts)
        about = [one for one in scored if one.post.myth]
        report.stance[name] = stance_figures(about)
        report.matching[name] = matching_figures(about)
        if classifier is strangers:
            report.checked |= checked_figures(scored)
        else:
            report.flags = flag_figures(scored)
            report.gate = gate_figures(scored, classifier)
            report.languages = by_language(about)
            report.worst = worst_mistakes(scored)
            report.heads |= authored_head_figures(scored)
    if data:
        public_figures(report, built_in, data)
    return report


def checked_figures(scored: Sequence[Scored]) -> dict[str, float]:
    """The figures that must not fall, as plain numbers."""
    about = [one for one in scored if one.post.myth]
    truth, scores = [one.spreads for one in about], [one.verdict.flag_score for one in about]
    refuting = [one.verdict.flag for one in about if one.post.stance == "refute"]
    ordinary = [one.verdict.flag for one in scored if not one.post.myth]
    blunt = [one for one in about if one.post.role == "endorse_blunt"]
    return {
        "spread_auc": figures.auc(truth, scores),
        "recall": figures.share([one.verdict.flag for one in about if one.spreads]).value,
        "refuting_flagged": figures.share(refuting).value,
        "ordinary_flagged": figures.share(ordinary).value,
        "blunt_first": figures.share([_first(one) for one in blunt]).value,
    }


def stance_figures(about: Sequence[Scored]) -> dict[str, str]:
    """Spreading against all else, around myths never seen."""
    truth, scores = [one.spreads for one in about], [one.verdict.flag_score for one in about]
    flags = [one.verdict.flag for one in about]
    low, high = figures.auc_interval(truth, scores)
    found = {
        "posts": str(len(about)),
        "AUC, spreading against the rest": f"{figures.auc(truth, scores):.3f} ({low:.3f} to {high:.3f})",
        "recall at the threshold": str(figures.share([one.verdict.flag for one in about if one.spreads])),
        "precision, if a third spread": f"{figures.precision_at_share(truth, flags, 1 / 3):.1%}",
    }
    return found


def flag_figures(scored: Sequence[Scored]) -> dict[str, str]:
    """Share flagged, by what the post was written as."""
    groups: dict[str, list[bool]] = defaultdict(list)
    for one in scored:
        groups[one.post.role if one.post.myth else f"ordinary: {one.post.role}"].append(one.verdict.flag)
    groups["ordinary: all"] = [one.verdict.flag for one in scored if not one.post.myth]
    return {name: str(figures.share(flags)) for name, flags in groups.items()}


def gate_figures(scored: Sequence[Scored], classifier: Classifier) -> dict[str, str]:
    """What the stance model is given to read in a stream, of posts that spread a myth and of the others."""
    flagged = [classifier.would_read_on(one.verdict) for one in scored if one.verdict.flag and one.spreads]
    return {
        "flagged posts that spread: read": str(figures.share(flagged)),
        "posts that spread: read": str(
            figures.share([classifier.would_read_on(o.verdict) for o in scored if o.spreads])
        ),
        "ordinary posts: read": str(
            figures.share([classifier.would_read_on(one.verdict) for one in scored if not one.post.myth])
        ),
    }


def by_language(about: Sequence[Scored]) -> dict[str, dict[str, str]]:
    """AUC, recall and wrong flags of each language."""
    found = {}
    for language in sorted({one.post.language for one in about}):
        rows = [one for one in about if one.post.language == language]
        area = figures.auc([one.spreads for one in rows], [one.verdict.flag_score for one in rows])
        found[language] = {
            "posts": str(len(rows)),
            "AUC": f"{area:.3f}",
            "recall": str(figures.share([one.verdict.flag for one in rows if one.spreads])),
            "wrongly flagged": str(figures.share([one.verdict.flag for one in rows if not one.spreads])),
            "right myth first": str(figures.share([_first(one) for one in rows if one.spreads])),
        }
    return found


def matching_figures(about: Sequence[Scored]) -> dict[str, str]:
    """Right myth first, among all myths."""
    spreading = [one for one in about if one.spreads]
    groups = {
        "all that spread": spreading,
        "English, blunt": [one for one in spreading if one.post.language == "en" and one.post.role == "endorse_blunt"],
        "English, subtle": [
            one for one in spreading if one.post.language == "en" and one.post.role == "endorse_subtle"
        ],
        "Dutch, German, Spanish": [one for one in spreading if one.post.language in ("nl", "de", "es")],
        "refuting": [one for one in about if one.post.stance == "refute"],
    }
    found = {
        f"right myth first: {name}": str(figures.share([_first(one) for one in rows])) for name, rows in groups.items()
    }
    found["MAP@5, all that spread"] = f"{figures.mean_average_precision([_rank(one) for one in spreading]):.3f}"
    return found


def worst_mistakes(scored: Sequence[Scored]) -> list[tuple[str, str, float, str]]:
    """(what it is, language, flag score, text): wrong flags by score first, then the surest misses."""
    wrong = sorted(
        (one for one in scored if one.verdict.flag and not one.spreads), key=lambda one: -one.verdict.flag_score
    )
    missed = sorted(
        (one for one in scored if not one.verdict.flag and one.spreads), key=lambda one: one.verdict.flag_score
    )
    chosen = wrong[: WORST // 2] + missed[: WORST - min(len(wrong), WORST // 2)]
    return [(one.post.role, one.post.language, one.verdict.flag_score, one.post.text) for one in chosen]


def authored_head_figures(scored: Sequence[Scored]) -> dict[str, str]:
    """Heads on held-out authored posts."""
    targets = [(AUTHORED if one.post.myth else ORDINARY)[one.post.role] for one in scored]
    kinds = [
        KINDS[target.kind] == one.verdict.kind
        for one, target in zip(scored, targets, strict=True)
        if target.kind is not None
    ]
    found = {"kind, authored posts: right": str(figures.share(kinds))}
    for head in ("health", "claim", "misinformation"):
        rows = [(getattr(t, head), getattr(s.verdict, head)) for s, t in zip(scored, targets, strict=True)]
        known = [(bool(truth), score) for truth, score in rows if truth is not None]
        area = figures.auc([truth for truth, _ in known], [score for _, score in known])
        found[f"{head}, authored posts: AUC"] = f"{area:.3f} (n={len(known)})"
    return found


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
            if kind:
                flagged[kind] += [verdict.flag for verdict in verdicts]
                read += [classifier.would_read_on(verdict) for verdict in verdicts]
    report.gate["public ordinary posts: read"] = str(figures.share(read))
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


def _first(one: Scored) -> bool:
    return _rank(one) == 0


def _rank(one: Scored) -> int | None:
    listed = [myth for myth, _ in one.verdict.candidates]
    return listed.index(one.post.myth) if one.post.myth in listed else None
