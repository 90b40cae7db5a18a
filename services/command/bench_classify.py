"""The classifier's benchmark: the plain pipeline, each engine, the cascade on a stream, and the processor's limit; one run."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from services.command.bench_pipeline import yardstick
from services.command.bench_posts import firehose_posts, health_posts
from services.command.machine import machine

CHUNK = 256
"""Posts classified together, as the service does."""


def bench_classify(quick: bool) -> dict[str, Any]:
    """Posts a second of everything on the same posts, and the ratios."""
    from services.classify.engine import ENGINES
    from services.classify.pipeline import Classifier
    from services.classify.settings import ClassifySettings
    from services.classify.verdict import PostIn
    from services.stream.settings import load

    settings = load(ClassifySettings)
    health, mix = health_posts(250 if quick else 1_000), firehose_posts(800 if quick else 3_000)
    plain = yardstick(health[: 60 if quick else 300])
    engines, cascade = {}, {}
    chosen = Classifier.load(settings)
    for name in ENGINES:
        try:
            asked = settings.model_copy(update={"engine": name})
            classifier = chosen if name == chosen.engine else Classifier.load(asked)
        except RuntimeError:  # a GPU that isn't there
            continue
        posts = [PostIn(str(place), text) for place, text in enumerate(health[: 60 if quick else 400])]
        classifier.classify(posts[: 16 if quick else CHUNK], gate=False)
        engines[name] = _posts_per_second(lambda c=classifier, p=posts: _whole(c, p, gate=False), len(posts))  # type: ignore[misc]
    for name, texts in (("health", health), ("mix", mix)):
        posts = [PostIn(str(place), text) for place, text in enumerate(texts)]
        chosen.classify([PostIn("warm", text) for text in texts[:32]], gate=False)
        cascade[name] = _posts_per_second(lambda p=posts: _whole(chosen, p, gate=True), len(posts))  # type: ignore[misc]
    one_by_one, batched = plain["one_by_one"], plain["batches_of_32"]
    return {
        "machine": machine(),
        "posts": {"health": len(health), "mix": len(mix), "mean_tokens": _mean_tokens(health)},
        "pipeline": {"posts_per_second_one_by_one": one_by_one, "posts_per_second_batches_of_32": batched},
        "every_stage_on_every_post": {f"{name}_posts_per_second": rate for name, rate in engines.items()},
        "cascade": {"engine": chosen.engine, **{f"{name}_posts_per_second": rate for name, rate in cascade.items()}},
        "encoder": _against_the_limit(health),
        "ratios": {
            "health_vs_pipeline_one_by_one": round(cascade["health"] / one_by_one, 2),
            "health_vs_pipeline_batches_of_32": round(cascade["health"] / batched, 2),
            "mix_vs_pipeline_one_by_one": round(cascade["mix"] / one_by_one, 2),
            "mix_vs_pipeline_batches_of_32": round(cascade["mix"] / batched, 2),
        },
    }


def _whole(classifier: Any, posts: list[Any], gate: bool) -> None:
    for start in range(0, len(posts), CHUNK):
        classifier.classify(posts[start : start + CHUNK], gate=gate)


def _posts_per_second(run: Callable[[], object], posts: int) -> float:
    started = time.perf_counter()
    run()
    return round(posts / (time.perf_counter() - started), 1)


def _mean_tokens(texts: list[str]) -> float:
    from services.classify.e5_file import E5File
    from services.classify.tokens import PostTokeniser

    rows = PostTokeniser(E5File().vocabulary)(texts)
    return round(sum(map(len, rows)) / len(rows), 1)


def _against_the_limit(texts: list[str]) -> dict[str, float]:
    """Multiplications a second in the lower half, useful ones only, against bare 8-bit matrix products of the same shapes."""
    import numpy as np
    import openvino as ov
    from openvino import opset13 as op

    from services.classify import engine
    from services.classify.e5_file import E5File
    from services.classify.encoder import SPLIT, TOKEN_BUDGET, Encoder, lower_layers
    from services.classify.model_files import WEIGHTS

    file = E5File()
    chosen = engine.choose("auto", 0, WEIGHTS / "int8.safetensors", lambda: lower_layers(file))
    encoder = Encoder(chosen, file)
    rows = encoder.tokenise(texts)
    encoder.begin(rows[:64])
    started = time.perf_counter()
    for start in range(0, len(rows), CHUNK):
        encoder.begin(rows[start : start + CHUNK])
    took = time.perf_counter() - started
    width, wide = file.header.hidden, file.header.intermediate
    tokens = sum(map(len, rows))
    ours = tokens * SPLIT * (4 * width * width + 2 * width * wide) / took

    shapes = ((width, 3 * width), (width, width), (width, wide), (wide, width))
    inputs = [op.parameter([TOKEN_BUDGET, one], np.float32) for one in (width, wide)]
    draw = np.random.default_rng(7)
    outputs = []
    for depth, columns in shapes:
        x = inputs[0] if depth == width else inputs[1]
        edge = [np.float32(-1), np.float32(1)]
        whole = op.constant(draw.integers(-127, 127, (columns, depth)).astype(np.int8))
        weight = op.multiply(op.convert(whole, np.float32), np.full((columns, 1), 0.01, np.float32))
        outputs.append(op.matmul(op.fake_quantize(x, *edge, *edge, 256), weight, False, True))
    request = (
        ov.Core()
        .compile_model(
            ov.Model(outputs, inputs), "CPU", {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
        )
        .create_infer_request()
    )
    values = [draw.random((TOKEN_BUDGET, one), dtype=np.float32) for one in (width, wide)]
    request.infer(values)
    times = []
    for _ in range(20):
        started = time.perf_counter()
        request.infer(values)
        times.append(time.perf_counter() - started)
    limit = TOKEN_BUDGET * sum(depth * columns for depth, columns in shapes) / min(times)
    return {
        "multiplications_per_second_e9": round(ours / 1e9, 1),
        "limit_of_8_bit_products_e9": round(limit / 1e9, 1),
        "share_of_limit": round(ours / limit, 2),
    }
