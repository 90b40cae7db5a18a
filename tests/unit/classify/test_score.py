"""The contract of `mythwatch score`: a verdict a line, in order, whatever is on the line."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from services.classify.score import MAX_LINE_BYTES, BadLine, read_posts
from services.classify.verdict import PostIn

KEYS = {
    "id", "language", "health", "kind", "claim", "misinformation", "candidates", "stance", "flag", "flag_score", "reasons",
}  # fmt: skip
KINDS = {"claim", "question", "experience", "support", "news", "chatter"}
STANCES = {"endorse", "refute", "discuss", "none"}


def read(*lines: bytes) -> list[PostIn | BadLine]:
    return list(read_posts(io.BytesIO(b"\n".join(lines))))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"{broken", "not JSON"),
        (b'{"id": "1", "text": "a"} {"id": "2"}', "not JSON"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b'{"id": "1", "text": "caf\xe9"}', "not UTF-8"),
        (b"[]", "not an object"),
        (b'"text"', "not an object"),
        (b"null", "not an object"),
        (b"[" * 100_000, "not JSON"),
        (b"1" * 6_000, "not JSON"),
        (b'{"text": "no id"}', "id: missing"),
        (b'{"id": "", "text": "a"}', "id: missing"),
        (b'{"id": {}, "text": "a"}', "id: missing"),
        (b'{"id": true, "text": "a"}', "id: missing"),
        (b'{"id": "1"}', "text: missing"),
        (b'{"id": "1", "text": null}', "text: missing"),
        (b'{"id": "1", "text": 7}', "text: not a text"),
        (b'{"id": "1", "text": ["a"]}', "text: not a text"),
        (b'{"id": "1", "text": "  \\n "}', "text: empty"),
        (b'{"id": "1", "text": "a\\u0000b"}', "NUL"),
        (b'{"id": "1", "text": "' + b"a" * 10_001 + b'"}', "10,001 characters"),
        (b'{"id": "1", "text": "' + b"a" * 1_000_000 + b'"}', "line is longer"),
        (b'{"id": "1", "text": "a", "language": 7}', "language:"),
        (b'{"id": "1", "text": "a", "language": "' + b"e" * 36 + b'"}', "language:"),
    ],
)
def test_a_bad_line_says_what_is_wrong_and_the_next_is_read(line: bytes, said: str) -> None:
    bad, good = read(line, b'{"id": "next", "text": "Vaccines work."}')
    assert isinstance(bad, BadLine)
    assert said in bad.error
    assert bad.line == 1
    assert good == PostIn("next", "Vaccines work.")


def test_blank_lines_are_ignored_but_counted() -> None:
    (bad,) = read(b"", b"  \t", b"{", b"")
    assert isinstance(bad, BadLine)
    assert bad.line == 3


def test_a_byte_order_mark_numbers_as_ids_and_lone_surrogates_are_taken() -> None:
    first, second = read(b'\xef\xbb\xbf{"id": 1, "text": "a"}', b'{"id": "2", "text": "a \\ud83d b", "language": "nl"}')
    assert first == PostIn("1", "a")
    assert isinstance(second, PostIn)
    assert second.text.encode()


def test_a_long_line_is_never_held_whole() -> None:
    class Endless(io.RawIOBase):
        """A line of 200 MB that would be noticed if it were kept."""

        left = 200_000_000
        largest = 0

        def readline(self, size: int | None = -1, /) -> bytes:
            assert size is not None
            self.largest = max(self.largest, size)
            take = min(size, self.left)
            self.left -= take
            return b"a" * take

    source = Endless()
    (bad,) = list(read_posts(source))  # type: ignore[arg-type]
    assert isinstance(bad, BadLine)
    assert source.largest <= MAX_LINE_BYTES + 1


def run(folder: Path, posts: bytes, *options: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "services.command.main", "score", *options]
    return subprocess.run(
        command, input=posts, capture_output=True, check=False, cwd=Path(__file__).resolve().parents[3]
    )


POSTS = b"""\
{"id": "endorse", "text": "MMR causes autism. Period. They know it and they hide it.", "language": "en"}
{"id": "no language", "text": "Klopt het dat je van vaccins autisme krijgt? Mijn schoonzus zegt dat en ik maak me zorgen."}

{"id": "bad"
{"id": "chatter", "text": "what a goal last night, what a match"}
{"id": "symbols", "text": "!!"}
"""


def test_the_contract_with_the_built_in_knowledge_base(tmp_path: Path) -> None:
    done = run(tmp_path, POSTS)
    assert done.returncode == 2, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line.get("id") for line in lines] == ["endorse", "no language", None, "chatter", "symbols"]
    assert "error" in lines.pop(2)
    for line in lines:
        assert line.keys() >= KEYS
        assert line["kind"] in KINDS
        assert line["stance"] in STANCES
        assert isinstance(line["flag"], bool)
        assert all(0 <= line[name] <= 1 for name in ("health", "claim", "misinformation", "flag_score"))
        assert len(line["candidates"]) == 5
        scores = [candidate["score"] for candidate in line["candidates"]]
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= score <= 1 for score in scores)
        assert line["reasons"]
        assert all(isinstance(reason, str) for reason in line["reasons"])
    assert lines[0]["candidates"][0]["myth_id"] == "vaccines-cause-autism"
    assert lines[1]["language"] == "nl"
    assert not any(line["flag"] for line in lines[1:])


def test_strange_myths_in_claim_review_give_the_same_answer_twice(tmp_path: Path) -> None:
    myths = tmp_path / "myths.json"
    reviews = [
        ("https://c.example/1", "Mobile phones fry popcorn."),
        ("https://c.example/2", "Eating carrots makes you see in the dark."),
    ]
    myths.write_text(json.dumps([{"@type": "ClaimReview", "url": url, "claimReviewed": text} for url, text in reviews]))
    post = b'{"id": "1", "text": "Eat carrots and you can see in the dark, my grandfather was a pilot and did it!"}\n'
    first, again = run(tmp_path, post, "--myths", str(myths)), run(tmp_path, post, "--myths", str(myths))
    assert first.returncode == 0, first.stderr
    assert first.stdout == again.stdout
    (line,) = [json.loads(text) for text in first.stdout.splitlines()]
    assert [candidate["myth_id"] for candidate in line["candidates"]] == ["https://c.example/2", "https://c.example/1"]


def test_explain_shows_each_stage_and_the_words_that_mattered(tmp_path: Path) -> None:
    done = run(tmp_path, POSTS.splitlines()[0] + b"\n", "--explain")
    assert done.returncode == 0, done.stderr
    line = json.loads(done.stdout)
    explained = line["explain"]
    assert explained["gate"] == {"words_pass": True, "glance_pass": True, "states_pass": True, "may_spread": True}
    assert explained["heads"]["health"] == line["health"]
    assert explained["matching"][0].keys() == {"myth_id", "claim", "hybrid_z", "cosine", "stances"}
    assert explained["policy"]["flag_score"] == line["flag_score"]
    raising = {one["text"]: one["raises_flag_score_by"] for one in explained["words"]}
    assert len(raising) == 8
    assert max(raising, key=lambda word: raising[word]) in ("autism.", "causes", "MMR")
    assert "explain" not in json.loads(run(tmp_path, POSTS.splitlines()[0] + b"\n").stdout)


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "does not exist"), ("nonsense", "line 1: not JSON"), ('{"id": "a"}', "text: must be a text")],
)
def test_wrong_use_is_one_line(tmp_path: Path, content: str | None, said: str) -> None:
    path = tmp_path / "myths.jsonl"
    if content is not None:
        path.write_text(content)
    done = run(tmp_path, b"", "--myths", str(path))
    assert (done.returncode, done.stdout) == (2, b"")
    error = done.stderr.decode().strip()
    assert "\n" not in error
    assert said in error
