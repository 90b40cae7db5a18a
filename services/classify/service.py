"""Classify as a service: posts from Kafka through the pipeline to verdicts, over THE consume loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace

from services.classify import posts
from services.classify.inference_thread import InferenceThread
from services.classify.knowledge_base import KnowledgeError
from services.classify.knowledge_reader import KnowledgeReader
from services.classify.live_knowledge import LiveKnowledge
from services.classify.model_files import ModelFilesError
from services.classify.narratives import Narratives
from services.classify.pipeline import Classifier
from services.classify.settings import ClassifySettings
from services.classify.verdict import PostIn, Verdict
from services.classify.verifier import Verifier
from services.classify.verifier_answer import Answer, Asked, still_flagged
from services.stream import events_pb2 as events
from services.stream import metrics
from services.stream.codec import Record, content_id, trace_id
from services.stream.consume import ConsumeLoop, Outcome, Received
from services.stream.failures import NotReady
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
    verifier = _verifier(settings)
    thread = InferenceThread()
    classifier = await _loaded(thread, settings, stopping)
    if classifier is None:
        return
    readiness.is_there("model")
    processor = Processor(classifier, thread, readiness, verifier)
    knowledge = LiveKnowledge(classifier.myths)

    async def take_over() -> None:
        myths, lessons = knowledge.myths(), knowledge.lessons()
        processor.classifier = await thread.run(lambda: classifier.with_myths(myths, lessons))

    async def gather(told: list[tuple[str, str]]) -> None:
        vectors = await thread.run(lambda: classifier.embed([text for _, text in told]))
        for (candidate, _), vector in zip(told, vectors, strict=True):
            processor.narratives.remember(candidate, vector)

    reader = KnowledgeReader(stream.kafka_bootstrap, knowledge, take_over, gather, readiness)
    loop = ConsumeLoop(SERVICE, POSTS, stream, processor, readiness)
    consuming = asyncio.create_task(loop.run())
    reading = asyncio.create_task(reader.run(stopping))
    stopped = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait([consuming, reading, stopped], return_when=asyncio.FIRST_COMPLETED)
        loop.stop()
        await consuming
        if reading.done():
            reading.result()  # what failed there stops the service
    finally:
        for task in (reading, stopped):
            task.cancel()
        if verifier is not None:
            await verifier.close()


class Processor:
    """One batch of posts to the verdicts that are told. Called by the consume loop."""

    def __init__(
        self, classifier: Classifier, thread: InferenceThread, readiness: Readiness, verifier: Verifier | None = None
    ) -> None:
        self.classifier = classifier  # replaced when its knowledge changes
        self.narratives = Narratives()
        self._thread = thread
        self._readiness = readiness
        self._verifier = verifier
        for answer in Answer:  # shown from the start
            metrics.SECOND_OPINIONS.labels(answer.value, "").inc(0)
        self._knows = False

    async def __call__(self, batch: Sequence[Received]) -> Outcome:
        """Verdicts of flagged posts, updates and deletes; posts that can never be classified are rejected."""
        if not self._knows and "myths" in self._readiness.awaited:
            raise NotReady("the topic myths is not read yet")
        self._knows = True
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
        classifier = self.classifier
        first = await self._thread.run(lambda: classifier.classify(read))
        verdicts = iter(await self._seconded(read, first))
        for item, post in good:
            verdict = next(verdicts) if posts.has_text(post) else None
            self._tell(item, post, verdict, outcome)
        return outcome

    async def _seconded(self, read: Sequence[PostIn], verdicts: list[Verdict]) -> list[Verdict]:
        """The verdicts, less the flags that a second opinion takes back."""
        places = [place for place, verdict in enumerate(verdicts) if verdict.flag]
        if self._verifier is None or not places:
            return verdicts
        opinions = await self._verifier.opinions([_asked(read[place], verdicts[place]) for place in places])
        for place, opinion in zip(places, opinions, strict=True):
            why = opinion.reason if opinion.answer is Answer.NO_ANSWER else ""
            metrics.SECOND_OPINIONS.labels(opinion.answer.value, why).inc()
            if not still_flagged(True, opinion):
                reasons = (f"A second reader: {opinion.reason}", *verdicts[place].reasons)
                verdicts[place] = replace(verdicts[place], flag=False, unexplained=None, reasons=reasons)
        return verdicts

    def _tell(self, item: Received, post: events.SocialPost, verdict: Verdict | None, outcome: Outcome) -> None:
        now_ms, version = _now_ms(), self.classifier.version
        narrative = ""
        if verdict is not None and verdict.unexplained is not None:
            narrative = self.narratives.join(post.text, verdict.unexplained)
            verdict = replace(verdict, flag=False)
            metrics.UNEXPLAINED.inc()
        result = "deleted" if verdict is None else "flagged" if verdict.flag else "passed"
        metrics.POSTS_CLASSIFIED.labels(result).inc()
        if post.received_ms:
            metrics.JOURNEY_SECONDS.labels(SERVICE).observe(max(0.0, (now_ms - post.received_ms) / 1000))
        if not posts.is_told(post, verdict, narrative):
            return
        identifier = content_id(post.id, post.text, version)
        event = posts.claim_verdict(post, verdict, identifier, version, now_ms, narrative)
        outcome.writes.append(Record(VERDICTS, post.id, event, item.trace))
        log.info(
            "verdict",
            action=result,
            post=post.id,
            myth=event.myth_id or event.narrative_id,
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
    metrics.MODEL_INFO.labels(classifier.version, classifier.engine).set(1)
    metrics.MYTHS_KNOWN.set(len(classifier.myths))
    log.info(
        "model ready",
        action="model_ready",
        version=classifier.version,
        engine=classifier.engine,
        myths=len(classifier.myths),
        seconds=round(time.monotonic() - started, 1),
    )
    return classifier


def _verifier(settings: ClassifySettings) -> Verifier | None:
    """The second reader; None when nobody is asked. Raises CannotStart naming the setting that is wrong."""
    if not settings.verifier_url:
        return None
    try:
        return Verifier(
            settings.verifier_url, settings.verifier_model, settings.verifier_key,
            settings.verifier_timeout_s, settings.verifier_per_hour,
        )  # fmt: skip
    except ValueError as error:
        raise CannotStart(f"{SERVICE}: {error}") from None


def _asked(post: PostIn, verdict: Verdict) -> Asked:
    claim = next(one.title for one in verdict.evidence[1] if one.myth_id == verdict.myth_id)
    return Asked(post.text, claim, verdict.language)


def _now_ms() -> int:
    return int(time.time() * 1000)
