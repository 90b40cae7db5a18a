"""Classify as a service: posts from Kafka through the pipeline to verdicts, over THE consume loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from services.classify import posts
from services.classify.inference_thread import InferenceThread
from services.classify.knowledge_base import KnowledgeError
from services.classify.model_files import ModelFilesError
from services.classify.pipeline import Classifier, PostIn, Verdict
from services.classify.settings import ClassifySettings
from services.stream import events_pb2 as events
from services.stream import metrics
from services.stream.codec import Record, content_id, trace_id
from services.stream.consume import ConsumeLoop, Outcome, Received
from services.stream.logs import log
from services.stream.readiness import Readiness
from services.stream.service import CannotStart
from services.stream.settings import StreamSettings
from services.stream.topics import POSTS, VERDICTS

SERVICE = "classify"
WARM_UP = PostIn("warm-up", "Vaccines cause autism, everybody knows it.", "en")


async def serve(
    stream: StreamSettings, settings: ClassifySettings, readiness: Readiness, stopping: asyncio.Event
) -> None:
    """Loads and warms the model, then classifies until `stopping`. Raises CannotStart when a model file is missing."""
    thread = InferenceThread()
    classifier = await _loaded(thread, settings, stopping)
    if classifier is None:
        return
    readiness.is_there("model")
    loop = ConsumeLoop(SERVICE, POSTS, stream, Processor(classifier, thread), readiness)
    stopper = asyncio.create_task(_stop_when(stopping, loop))
    try:
        await loop.run()
    finally:
        stopper.cancel()


class Processor:
    """One batch of posts to the verdicts that are told. Called by the consume loop."""

    def __init__(self, classifier: Classifier, thread: InferenceThread) -> None:
        self._classifier = classifier
        self._thread = thread

    async def __call__(self, batch: Sequence[Received]) -> Outcome:
        """Verdicts of flagged posts, updates and deletes; posts that can never be classified are rejected."""
        outcome = Outcome()
        good: list[tuple[Received, events.SocialPost]] = []
        for item in batch:
            post = item.message
            assert isinstance(post, events.SocialPost)
            wrong = posts.problem(post, _now_ms())
            if wrong:
                outcome.rejected.append((item, wrong))
            else:
                good.append((item, post))
        read = [posts.post_in(post) for _, post in good if posts.has_text(post)]
        verdicts = iter(await self._thread.run(lambda: self._classifier.classify(read)))
        for item, post in good:
            verdict = next(verdicts) if posts.has_text(post) else None
            self._tell(item, post, verdict, outcome)
        return outcome

    def _tell(self, item: Received, post: events.SocialPost, verdict: Verdict | None, outcome: Outcome) -> None:
        now_ms, version = _now_ms(), self._classifier.version
        result = "deleted" if verdict is None else "flagged" if verdict.flag else "passed"
        metrics.POSTS_CLASSIFIED.labels(result).inc()
        if post.received_ms:
            metrics.JOURNEY_SECONDS.labels(SERVICE).observe(max(0.0, (now_ms - post.received_ms) / 1000))
        if not posts.is_told(post, verdict):
            return
        identifier = content_id(post.id, post.text, version)
        event = posts.claim_verdict(post, verdict, identifier, version, now_ms)
        outcome.writes.append(Record(VERDICTS, post.id, event, item.trace))
        log.info(
            "verdict",
            action=result,
            post=post.id,
            myth=event.myth_id,
            flag_score=round(event.flag_score, 3),
            trace_id=trace_id(item.trace),
        )


async def _loaded(thread: InferenceThread, settings: ClassifySettings, stopping: asyncio.Event) -> Classifier | None:
    """The classifier, warm; None when the service was stopped meanwhile."""

    def load() -> Classifier:
        classifier = Classifier.load(settings)
        classifier.classify([WARM_UP], gate=False)
        return classifier

    started = time.monotonic()
    loading = asyncio.ensure_future(thread.run(load))
    stopped = asyncio.create_task(stopping.wait())
    await asyncio.wait([loading, stopped], return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not loading.done():
        loading.cancel()
        return None
    try:
        classifier = loading.result()
    except (ModelFilesError, KnowledgeError, FileNotFoundError) as error:
        raise CannotStart(f"{SERVICE}: {error}") from None
    metrics.MODEL_INFO.labels(classifier.version, f"torch-{classifier.precision}").set(1)
    metrics.MYTHS_KNOWN.set(classifier.myths_known)
    log.info(
        "model ready",
        action="model_ready",
        version=classifier.version,
        precision=classifier.precision,
        myths=classifier.myths_known,
        seconds=round(time.monotonic() - started, 1),
    )
    return classifier


async def _stop_when(stopping: asyncio.Event, loop: ConsumeLoop) -> None:
    await stopping.wait()
    loop.stop()


def _now_ms() -> int:
    return int(time.time() * 1000)
