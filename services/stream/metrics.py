"""Every metric, declared once, each with what an operator should do about it (`ACTIONS`, shown in docs/runbooks/metrics.md).

Labels hold few values only: service, topic, source, stage, reason class; never a post, an author or a text.
"""

from __future__ import annotations

from prometheus_client import REGISTRY, Counter, Gauge, Histogram

ACTIONS: dict[str, str] = {}
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


def _counter(name: str, meaning: str, labels: tuple[str, ...], do: str) -> Counter:
    ACTIONS[name + "_total"] = do
    return Counter(name, meaning, labels, registry=REGISTRY)


def _gauge(name: str, meaning: str, labels: tuple[str, ...], do: str) -> Gauge:
    ACTIONS[name] = do
    return Gauge(name, meaning, labels, registry=REGISTRY)


def _histogram(name: str, meaning: str, labels: tuple[str, ...], do: str) -> Histogram:
    ACTIONS[name] = do
    return Histogram(name, meaning, labels, registry=REGISTRY, buckets=_SECONDS)


# Every service
READY = _gauge(
    "mythwatch_ready",
    "1 when the service can do its work",
    ("service",),
    "0 for minutes: read /readyz, it says what is awaited (Kafka, the model, the database).",
)
CONSUMED = _counter(
    "mythwatch_records_consumed",
    "records read",
    ("service", "topic"),
    "Flat while lag grows: the service is stuck; look at its log for action=work_away or action=kafka_away.",
)
WRITTEN = _counter(
    "mythwatch_records_written",
    "records confirmed by Kafka",
    ("service", "topic"),
    "Flat while records are consumed and posts should be flagged: compare with mythwatch_posts_classified_total.",
)
DEAD_LETTERED = _counter(
    "mythwatch_dead_letters",
    "records dead-lettered",
    ("service", "topic"),
    "Run `mythwatch deadletters list`: reasons name the field and the fix; then `deadletters replay`.",
)
RETRIED = _counter(
    "mythwatch_batches_retried",
    "batches held back because something was not ready",
    ("service",),
    "Rising: the database or another dependency is slow or away; see the log line action=work_away.",
)
LAG = _gauge(
    "mythwatch_lag_records",
    "records between the end of the topic and what was acknowledged",
    ("service", "topic"),
    "Growing for 10 minutes: add an instance, or find the slow stage in mythwatch_stage_seconds.",
)
STAGE_SECONDS = _histogram(
    "mythwatch_stage_seconds",
    "time a batch spends in a stage, seconds",
    ("service", "stage"),
    "Compare stages: the slowest is where to add a core or a batch.",
)
JOURNEY_SECONDS = _histogram(
    "mythwatch_journey_seconds",
    "time since ingest received the post, seconds",
    ("service",),
    "p99 over 5 s: see lag and stage times of the service before.",
)

# Ingest
SOURCE_EVENTS = _counter(
    "mythwatch_source_events",
    "events a source delivered, by what became of them",
    ("source", "outcome"),
    "outcome=rejected rising: the platform changed its format; see the dead letters of `posts`.",
)
SOURCE_LAST_EVENT = _gauge(
    "mythwatch_source_last_event_seconds",
    "Unix time of the source's latest event",
    ("source",),
    "Older than 10 minutes: the source is silent; see its reconnects and the platform's status page.",
)
SOURCE_CONNECTED = _gauge(
    "mythwatch_source_connected",
    "1 while the source is connected",
    ("source",),
    "0 for minutes: network, or the platform refuses; the log line action=source_reconnect says which.",
)
SOURCE_RECONNECTS = _counter(
    "mythwatch_source_reconnects",
    "reconnections of a source",
    ("source", "why"),
    "Many an hour: a flaky host; the source rotates hosts by itself, report it if all do so.",
)
SOURCE_GAPS = _counter(
    "mythwatch_source_gaps",
    "times a source could not resume where it had stopped",
    ("source",),
    "Posts of the gap were not seen: note it in the log of the day; backfill by `mythwatch ingest file`.",
)
HTTP_REQUESTS = _counter(
    "mythwatch_ingest_http_requests",
    "requests to the HTTP door",
    ("status",),
    "401: a client has a wrong key. 429/503: Kafka is slow. 400: a client sends malformed posts.",
)

# Classify
POSTS_CLASSIFIED = _counter(
    "mythwatch_posts_classified",
    "posts by outcome",
    ("outcome",),
    "Share of outcome=flagged far from its usual: a new narrative, or the model has drifted.",
)
MODEL_INFO = _gauge(
    "mythwatch_model_info",
    "1 for the model version in use",
    ("version", "backend"),
    "Two versions at once for long: a rollout is stuck.",
)
MYTHS_KNOWN = _gauge(
    "mythwatch_myths_known", "myths that posts are matched against", (), "Fewer than expected: `mythwatch myths check`."
)
UNEXPLAINED = _counter(
    "mythwatch_unexplained_claims",
    "risky claims on health that no known myth explains, gathered into candidate narratives",
    (),
    "Rising: something new is going round; read the candidates in the console.",
)
LESSONS = _gauge(
    "mythwatch_lessons",
    "myths with a case that people judged not to be one",
    (),
    "Many: read those cases; the myths' wording, or the threshold, may be wrong.",
)
SECOND_OPINIONS = _counter(
    "mythwatch_second_opinions",
    "second opinions on flagged posts, by answer, and why there was none",
    ("answer", "why"),
    "answer=no_answer rising: why=timeout, endpoint failed or silent: see the log lines action=verifier_failed; budget spent: "
    "raise it or leave it; others: the model does not keep to the form, take another.",
)

# Alert
CASES_OPEN = _gauge(
    "mythwatch_cases",
    "cases by status and triage",
    ("status", "triage"),
    "Open cases with triage=respond growing: officers are overloaded, or thresholds are too low.",
)
NOTIFICATIONS = _counter(
    "mythwatch_notifications",
    "notifications by channel and how they ended",
    ("channel", "outcome"),
    "outcome=failed: read the log line action=notify_failed; a wrong token needs a new one.",
)
OUTBOX_WAITING = _gauge(
    "mythwatch_outbox_waiting",
    "notifications recorded and not yet confirmed",
    ("channel",),
    "Growing: the channel is down or rate-limited; nothing is lost, it goes out when it returns.",
)
OUTBOX_OLDEST = _gauge(
    "mythwatch_outbox_oldest_seconds",
    "age of the oldest of those, seconds",
    ("channel",),
    "Over 5 minutes: people are not being told; use the other channel and look at the log.",
)
CHANNEL_BROKEN = _gauge(
    "mythwatch_channel_broken",
    "1 while a channel refuses our credentials",
    ("channel",),
    "Renew the token or password in the environment and restart alert.",
)
FORGOTTEN = _counter(
    "mythwatch_forgotten",
    "rows deleted because their time was over, by table",
    ("table",),
    "Standing still for days although old posts are held: see the alert log for upkeep_away.",
)
ROUTES_BROKEN = _gauge(
    "mythwatch_routes_broken",
    "1 while the routes file has a mistake and the routes before it stay in force",
    (),
    "Run `mythwatch routes check`: it names the line.",
)
FEEDBACK = _counter(
    "mythwatch_feedback",
    "decisions of people",
    ("action", "via"),
    "not_a_myth rising against acknowledge: precision is falling; run `mythwatch evaluate`.",
)
ALERT_SECONDS = _histogram(
    "mythwatch_alert_seconds",
    "from ingest receiving a post to its alert confirmed, seconds",
    ("channel",),
    "p99 over 5 s: see lag, then outbox.",
)
