"""The yardstick: the plain Hugging Face pipeline, in float32, with the encoder that Mythwatch uses. Reads a JSON list of texts
from standard input and prints posts a second one by one and in batches of 32."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from services.command.embedded_kafka import PROJECT


def build_pipeline() -> Any:
    """A text-classification pipeline: the whole 12-layer encoder in float32 and one untrained linear layer."""
    import torch
    from torch import nn
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast, pipeline

    from services.classify.e5_file import E5File
    from services.classify.encoder import Encoder
    from services.classify.layers import LayerWeights, runnable

    file = E5File()
    ours = Encoder(file=file)
    sizes = file.header
    table = ours.words(torch.arange(len(file.vocabulary.pieces)))
    words = nn.Embedding(num_embeddings=len(table), embedding_dim=table.shape[1], _weight=table)
    model = BertForSequenceClassification(
        BertConfig(
            vocab_size=words.num_embeddings,
            hidden_size=sizes.hidden,
            num_hidden_layers=sizes.layers,
            num_attention_heads=sizes.heads,
            intermediate_size=sizes.intermediate,
            layer_norm_eps=sizes.epsilon,
            max_position_embeddings=len(ours.places),
            type_vocab_size=1,
        )
    )
    embeddings = model.bert.embeddings
    embeddings.word_embeddings = words
    embeddings.position_embeddings = nn.Embedding(
        num_embeddings=len(ours.places), embedding_dim=ours.places.shape[1], _weight=ours.places.detach()
    )
    embeddings.token_type_embeddings.weight.data.zero_()  # already part of the positions
    embeddings.LayerNorm = ours.first_norm
    model.bert.encoder.layer = runnable(nn.ModuleList([LayerWeights(file, number) for number in range(sizes.layers)]))
    padding = "<pad>"
    tokeniser = PreTrainedTokenizerFast(
        tokenizer_object=ours.tokenise._tokeniser, pad_token=padding, model_max_length=512
    )
    return pipeline("text-classification", model=model.eval(), tokenizer=tokeniser, device="cpu")


def posts_per_second(run: Callable[[], object], posts: int) -> float:
    started = time.perf_counter()
    run()
    return round(posts / (time.perf_counter() - started), 1)


def yardstick(texts: list[str]) -> dict[str, float]:
    """Posts a second, `one_by_one` and in `batches_of_32`, measured in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "services.command.bench_pipeline"],
        input=json.dumps(texts), capture_output=True, text=True, check=True, cwd=PROJECT,
    )  # fmt: skip
    return dict(json.loads(done.stdout))


def main() -> None:
    texts = json.load(sys.stdin)
    pipe = build_pipeline()
    for text in texts[:5]:
        pipe(text, truncation=True)
    one_by_one = posts_per_second(lambda: [pipe(text, truncation=True) for text in texts], len(texts))
    batched = posts_per_second(lambda: pipe(texts, batch_size=32, truncation=True), len(texts))
    json.dump({"one_by_one": one_by_one, "batches_of_32": batched}, sys.stdout)


if __name__ == "__main__":
    main()
