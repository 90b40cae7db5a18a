"""Settings of classify: environment variables `MYTHWATCH_CLASSIFY_...`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.classify.knowledge_base import BUILT_IN
from services.classify.model_files import WEIGHTS


class ClassifySettings(BaseSettings):
    """What classify needs besides the settings of the stream."""

    model_config = SettingsConfigDict(env_prefix="MYTHWATCH_CLASSIFY_", extra="ignore")

    metrics_port: int = Field(9102, ge=1, le=65_535, description="port of /metrics, /healthz and /readyz")
    weights: Path = Field(WEIGHTS, description="folder of the trained weights")
    knowledge: Path = Field(BUILT_IN, description="folder of the knowledge base, one YAML file a topic")
    precision: Literal["auto", "bf16", "fp32"] = Field(
        "auto", description="arithmetic of the encoder; auto takes bf16 where the processor multiplies it natively"
    )
    threads: int = Field(0, ge=0, le=256, description="threads of the encoder; 0: one a core")
    threshold: float | None = Field(
        None,
        ge=0,
        le=1,
        description="flag score from which a post is flagged; empty: the calibrated one of the weights",
    )
