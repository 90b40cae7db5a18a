"""Runs the classifier over what was held out, and gathers the figures by name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from services.classify.evaluation import figures, plots
from services.classify.evaluation.public_rows import general_claims, public_figures
from services.classify.evaluation.results import Report, Scored
from services.classify.heads import KINDS
from services.classify.knowledge_base import Myth
from services.classify.narratives import Narratives
from services.classify.pipeline import Classifier
from services.classify.settings import ClassifySettings
from services.classify.training import corpus
from services.classify.training.corpus import AuthoredPost
from services.classify.training.labels import AUTHORED, ORDINARY
from services.classify.verdict import PostIn

WORST = 20

LISTED = 60
SHORT = "only the English claim, among 60"

FEW = 10
"""Posts below which a group has no row of its own."""


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
    strangers = built_in.with_myths([myth.bare() for myth in everything])
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
            report.groups = by_group(about, everything)
            report.worst = worst_mistakes(scored)
            report.plots = drawn(scored, classifier.threshold)
            report.heads |= authored_head_figures(scored)
    report.candidates = candidate_figures(built_in, everything, posts)
    short = score_posts(*short_list(built_in, everything, unseen, posts))
    report.stance[SHORT] = stance_figures([one for one in short if one.post.myth])
    report.matching[SHORT] = matching_figures([one for one in short if one.post.myth])
    report.checked |= short_list_figures(short)
    if data:
        public_figures(report, built_in, data)
        report.general = general_claims(built_in, data)
    return report


def checked(settings: ClassifySettings) -> dict[str, float]:
    """Only the figures that must not fall: held-out posts against myths as a stranger's file gives them."""
    posts, unseen = dev_posts()
    everything = [myth.bare() for myth in corpus.training_myths()]
    classifier = Classifier.load(settings, everything)
    short = score_posts(*short_list(classifier, everything, unseen, posts))
    return checked_figures(score_posts(classifier, posts)) | short_list_figures(short)


def candidate_figures(
    classifier: Classifier, everything: Sequence[Myth], posts: Sequence[AuthoredPost]
) -> dict[str, str]:
    """What is gathered into candidate narratives, of claims that the knowledge base lacks and of ordinary posts."""
    lacking = {myth.id for myth in everything if not myth.topic}
    scored = score_posts(classifier, [post for post in posts if not post.myth or post.myth in lacking])
    gathered, found = Narratives(), defaultdict[str, list[str]](list)
    for one in scored:
        if one.verdict.unexplained is not None:
            found[gathered.join(one.post.text, one.verdict.unexplained)].append(one.post.myth)
    together = [max(found.values(), key=len)] if found else []
    groups = {
        "posts that spread a claim that the knowledge base lacks": [one for one in scored if one.spreads],
        "posts that refute one": [one for one in scored if one.post.stance == "refute"],
        "other posts around one": [o for o in scored if o.post.myth and o.post.stance not in ("endorse", "refute")],
        "ordinary posts": [one for one in scored if not one.post.myth],
    }
    shares = {
        f"{name}: gathered": str(figures.share([one.verdict.unexplained is not None for one in rows]))
        for name, rows in groups.items()
    }
    return {
        **shares,
        "candidates": f"{len(found)}, of which {sum(len(set(one)) == 1 for one in found.values())} about one claim only",
        "largest": ", ".join(f"{len(one)} posts about {len(set(one))} claims" for one in together) or "none",
    }


def short_list(
    classifier: Classifier, everything: Sequence[Myth], unseen: Sequence[Myth], posts: Sequence[AuthoredPost]
) -> tuple[Classifier, list[AuthoredPost]]:
    """A classifier over the list that an officer may bring, of `LISTED` myths never seen, and the posts that concern it."""
    chosen = list(unseen[:LISTED])
    known = {myth.id for myth in chosen}
    chosen += [myth for myth in everything if myth.id not in known][: LISTED - len(chosen)]
    concerned = [post for post in posts if post.myth in known or not post.myth]
    return classifier.with_myths([myth.bare() for myth in chosen]), concerned


def drawn(scored: Sequence[Scored], threshold: float) -> dict[str, str]:
    """Pictures (SVG) by name: precision against recall, reliability, alerts a day."""
    about = [one for one in scored if one.post.myth]
    truth, scores = [one.spreads for one in about], [one.verdict.flag_score for one in about]
    health = [o for o in scored if not o.post.myth and o.post.role not in ("chatter", "satire")]
    return {
        "precision-recall": plots.precision_recall(truth, scores, threshold),
        "reliability": plots.reliability(truth, scores),
        "alerts-a-day": plots.alerts_a_day(
            [one.verdict.flag_score for one in health], [s for s, t in zip(scores, truth, strict=True) if t], threshold
        ),
    }


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


def short_list_figures(scored: Sequence[Scored]) -> dict[str, float]:
    """The figures that must not fall against a short list, as plain numbers."""
    found = checked_figures(scored)
    return {f"short_list_{name}": found[name] for name in ("spread_auc", "recall", "refuting_flagged")}


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
    """How far posts come in a stream: past the words, the first layers, the lower half, to the stance model."""
    found: dict[str, str] = {}
    groups = {
        "posts that spread": [one for one in scored if one.spreads],
        "posts that spread and are flagged": [one for one in scored if one.spreads and one.verdict.flag],
        "ordinary posts on health": [o for o in scored if not o.post.myth and o.post.role not in ("chatter", "satire")],
        "ordinary chatter": [one for one in scored if not one.post.myth and one.post.role == "chatter"],
    }
    for name, rows in groups.items():
        passes = classifier.passes([one.post.text for one in rows])
        steps = {
            "the words": [words for words, _, _ in passes],
            "the first layers": [words and glance for words, glance, _ in passes],
            "the lower half": [all(steps) for steps in passes],
            "to the stance model": [
                all(steps) and classifier.would_read_on(one.verdict) for steps, one in zip(passes, rows, strict=True)
            ],
        }
        found |= {f"{name}: past {step}".replace("past to", "to"): str(figures.share(v)) for step, v in steps.items()}
    return found


def by_group(about: Sequence[Scored], myths: Sequence[Myth]) -> dict[str, dict[str, dict[str, str]]]:
    """AUC, recall, wrong flags and matches of each language, topic and level of harm."""
    known = {myth.id: myth for myth in myths}
    keys: dict[str, Callable[[Scored], str]] = {
        "language": lambda one: one.post.language,
        "topic": lambda one: known[one.post.myth].topic or "claims that are only measured on",
        "harm": lambda one: known[one.post.myth].harm or "not assessed",
    }
    found: dict[str, dict[str, dict[str, str]]] = {}
    for name, key in keys.items():
        members = defaultdict(list)
        for one in about:
            members[key(one)].append(one)
        few = [one for rows in members.values() if len(rows) < FEW for one in rows]
        groups = {group: rows for group, rows in sorted(members.items()) if len(rows) >= FEW}
        found[name] = {group: _row(rows) for group, rows in [*groups.items(), *([("others", few)] if few else [])]}
    return found


def _row(rows: Sequence[Scored]) -> dict[str, str]:
    area = figures.auc([one.spreads for one in rows], [one.verdict.flag_score for one in rows])
    return {
        "posts": str(len(rows)),
        "AUC": f"{area:.3f}",
        "recall": str(figures.share([one.verdict.flag for one in rows if one.spreads])),
        "wrongly flagged": str(figures.share([one.verdict.flag for one in rows if not one.spreads])),
        "right myth first": str(figures.share([_first(one) for one in rows if one.spreads])),
    }


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


def _first(one: Scored) -> bool:
    return _rank(one) == 0


def _rank(one: Scored) -> int | None:
    listed = [myth for myth, _ in one.verdict.candidates]
    return listed.index(one.post.myth) if one.post.myth in listed else None
