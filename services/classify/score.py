"""Scoring without Kafka: a JSON post a line in, a JSON verdict a line out, in the same order.

What can't be scored gets a line with `error`, and the rest goes on.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any

from services.classify.explain import explain
from services.classify.pipeline import Classifier
from services.classify.verdict import PostIn, Verdict
from services.stream.claim_review import plain_text

MAX_LINE_BYTES = 256 * 1024
"""A post has at most 10,000 characters; JSON escapes each in at most 12 bytes. Longer lines aren't posts."""

MAX_TEXT_CHARACTERS = 10_000
CHUNK = 512


@dataclass(frozen=True)
class BadLine:
    """A line that is no post; `id` where it could be read."""

    line: int
    error: str
    id: Any = None


def score_lines(source: IO[bytes], classifier: Classifier, with_reasons: bool = False) -> Iterator[tuple[str, bool]]:
    """(JSON line, was it good) for each line of `source` that isn't blank; with `explain` as a key more when asked for."""
    for chunk in _chunks(read_posts(source)):
        verdicts = iter(classifier.classify([one for one in chunk if isinstance(one, PostIn)], gate=False))
        for one in chunk:
            if isinstance(one, PostIn):
                verdict = next(verdicts)
                answer = as_dict(verdict)
                if with_reasons:
                    answer["explain"] = explain(classifier, one, verdict)
                yield json.dumps(answer, ensure_ascii=False), True
            else:
                yield json.dumps({"id": one.id, "line": one.line, "error": one.error}, ensure_ascii=False), False


def as_dict(verdict: Verdict) -> dict[str, Any]:
    """A verdict in the keys of the contract."""
    return {
        "id": verdict.id,
        "language": verdict.language,
        "health": verdict.health,
        "kind": verdict.kind,
        "claim": verdict.claim,
        "misinformation": verdict.misinformation,
        "candidates": [{"myth_id": myth, "score": score} for myth, score in verdict.candidates],
        "stance": verdict.stance,
        "stance_score": verdict.stance_score,
        "flag": verdict.flag,
        "flag_score": verdict.flag_score,
        "reasons": list(verdict.reasons),
        "model_version": verdict.model_version,
    }


def read_posts(source: IO[bytes]) -> Iterator[PostIn | BadLine]:
    """Each line that isn't blank as a post, or as what is wrong with it; never holds more than one long line."""
    for number, line in enumerate(_bounded_lines(source), start=1):
        if line is None:
            yield BadLine(number, f"line is longer than {MAX_LINE_BYTES} bytes; a post has at most 10,000 characters")
        elif line.strip():
            yield _post(line, number)


def _post(line: bytes, number: int) -> PostIn | BadLine:
    try:
        text = line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        return BadLine(number, f"not UTF-8 (byte {error.start}); save the file as UTF-8")
    try:
        raw = json.loads(text)
    except json.JSONDecodeError as error:
        return BadLine(number, f"not JSON ({error.msg}, column {error.colno}); write one object a line")
    except (RecursionError, ValueError):
        return BadLine(number, "not JSON (nested too deeply or a number too long); write one object a line")
    if not isinstance(raw, dict):
        return BadLine(number, 'not an object; write {"id": "...", "text": "..."}')
    return _checked(raw, number)


def _checked(raw: dict[str, Any], number: int) -> PostIn | BadLine:
    identifier, text, language = raw.get("id"), raw.get("text"), raw.get("language")
    if isinstance(identifier, int) and not isinstance(identifier, bool) and abs(identifier) < 10**30:
        identifier = str(identifier)
    if not isinstance(identifier, str) or not identifier.strip():
        return BadLine(number, "id: missing or not a text; give each post an id")
    identifier = plain_text(identifier)
    if len(identifier) > 1_000:
        return BadLine(number, "id: longer than 1,000 characters; shorten it")
    if not isinstance(text, str):
        problem = "missing" if text is None else "not a text"
        return BadLine(number, f"text: {problem}; give the post's words as a string", identifier)
    if "\x00" in text:
        return BadLine(number, "text: holds NUL characters; remove them", identifier)
    if len(text) > MAX_TEXT_CHARACTERS:
        return BadLine(number, f"text: {len(text):,} characters; at most {MAX_TEXT_CHARACTERS:,}", identifier)
    if not text.strip():
        return BadLine(number, "text: empty; give the post's words", identifier)
    if language is not None and (not isinstance(language, str) or len(language) > 35):
        return BadLine(number, 'language: must be a code such as "en"; leave it out to have it detected', identifier)
    parent = raw.get("parent_text") or ""
    if not isinstance(parent, str) or len(parent) > MAX_TEXT_CHARACTERS or "\x00" in parent:
        return BadLine(
            number, "parent_text: must be the words of the post that this one answers, or left out", identifier
        )
    return PostIn(identifier, plain_text(text), language or "", plain_text(parent))


def _bounded_lines(source: IO[bytes]) -> Iterator[bytes | None]:
    """Lines of `source`; None for one that is too long, whose bytes are dropped as they are read."""
    while line := source.readline(MAX_LINE_BYTES + 1):
        if len(line) <= MAX_LINE_BYTES:
            yield line
            continue
        while not line.endswith(b"\n") and (line := source.readline(MAX_LINE_BYTES)):
            pass
        yield None


def _chunks(items: Iterable[PostIn | BadLine]) -> Iterator[list[PostIn | BadLine]]:
    chunk: list[PostIn | BadLine] = []
    for item in items:
        chunk.append(item)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
