"""Settings of classify: environment variables `MYTHWATCH_CLASSIFY_...`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.classify.knowledge_base import BUILT_IN
from services.classify.model_files import WEIGHTS


class ClassifySettings(BaseSettings):
    """What classify needs besides the settings of the stream."""

    model_config = SettingsConfigDict(env_prefix="MYTHWATCH_CLASSIFY_", extra="ignore", hide_input_in_errors=True)

    metrics_port: int = Field(9102, ge=1, le=65_535, description="port of /metrics, /healthz and /readyz")
    weights: Path = Field(WEIGHTS, description="folder of the trained weights")
    knowledge: Path = Field(BUILT_IN, description="folder of the knowledge base, one YAML file a topic")
    engine: Literal["auto", "torch", "torch-bf16", "torch-cuda", "openvino-int8"] = Field(
        "auto", description="what runs the encoder; auto measures them at the start and takes the fastest"
    )
    threads: int = Field(0, ge=0, le=256, description="threads of the encoder; 0: one a core")
    threshold: float | None = Field(
        None,
        ge=0,
        le=1,
        description="flag score from which a post is flagged; empty: the calibrated one of the weights",
    )
    verifier_url: str = Field(
        "",
        description="OpenAI-compatible endpoint, such as http://host/v1, that is asked for a second opinion on flagged posts: "
        "their texts are sent there; empty: nobody is asked",
    )
    verifier_model: str = Field("", description="name of the model at that endpoint")
    verifier_key: SecretStr | None = Field(None, description="key of that endpoint, if it needs one")
    verifier_timeout_s: float = Field(
        3.0, ge=0.1, le=10, description="longest wait for an opinion, seconds; a batch waits at most twice as long"
    )
    verifier_per_hour: int = Field(200, ge=1, description="most requests to that endpoint in an hour, by each instance")
