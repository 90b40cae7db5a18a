"""Each engine gives the answers of the reference, and `auto` takes one that works here."""

from __future__ import annotations

import pytest
import torch
from safetensors.numpy import load_file

from services.classify.e5_file import E5File
from services.classify.encoder import Encoder, lower_layers
from services.classify.engine import ENGINES, Engine, choose
from services.classify.model_files import WEIGHTS
from services.classify.stance import StanceModel

TEXTS = [
    "MMR causes autism, they have known it for thirty years.",
    "Nee, je kind krijgt géén autisme van een prik.",
    "how is it november already",
    "Meine Oma nimmt seit Jahren Metformin und ihre Nieren sind in Ordnung. " * 4,
    "ok",
]
RANGES = WEIGHTS / "int8.safetensors"


@pytest.fixture(scope="module")
def file() -> E5File:
    return E5File()


@pytest.fixture(scope="module")
def reference(file: E5File) -> Encoder:
    return Encoder(Engine("torch"), file)


@pytest.mark.parametrize(("name", "least"), [("openvino-int8", 0.985), ("torch-bf16", 0.998)])
def test_an_engine_agrees_with_the_reference(file: E5File, reference: Encoder, name: str, least: float) -> None:
    other = Encoder(Engine(name, ranges=load_file(str(RANGES))), file)
    for ours, theirs in zip(other.encode(TEXTS), reference.encode(TEXTS), strict=True):
        assert float(ours.pooled @ theirs.pooled) > least
        assert ours.tokens.shape == theirs.tokens.shape
        assert torch.nn.functional.cosine_similarity(ours.tokens, theirs.tokens).min() > 0.9


def test_stances_of_the_8_bit_engine_are_near_those_of_the_reference(file: E5File, reference: Encoder) -> None:
    states = [one.tokens for one in reference.begin(reference.tokenise(TEXTS))]
    pairs = [(post, states[0]) for post in states]
    models = [
        StanceModel(WEIGHTS / "stance.safetensors", engine, file)
        for engine in (Engine("torch"), Engine("openvino-int8", ranges=load_file(str(RANGES))))
    ]
    whole, rounded = (torch.from_numpy(model(pairs)[0]).exp() for model in models)
    assert (whole - rounded).abs().max() < 0.15


def test_an_unknown_engine_is_named_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"'abacus' is unknown; one of torch"):
        Engine("abacus")


def test_without_a_gpu_the_cuda_engine_says_so() -> None:
    if torch.cuda.is_available():
        assert Engine("torch-cuda").name == "torch-cuda"
    else:
        with pytest.raises(ValueError, match="torch-cuda: torch sees no CUDA GPU"):
            Engine("torch-cuda")


def test_auto_takes_an_engine_of_this_machine(file: E5File) -> None:
    assert choose("auto", 0, RANGES, lambda: lower_layers(file)).name in ENGINES


def test_ranges_of_another_model_are_refused(file: E5File) -> None:
    with pytest.raises(KeyError, match=r"0\.attention"):
        Engine("openvino-int8", ranges={}).tower("lower", lower_layers(file))
