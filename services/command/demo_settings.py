"""Where the demo listens. Each port has its setting, named when the port is taken."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class DemoSettings(BaseSettings):
    """`make demo` and `make live` on this machine alone."""

    model_config = SettingsConfigDict(env_prefix="MYTHWATCH_DEMO_")

    kafka_port: int = Field(9092, ge=1, le=65534, description="embedded Kafka; its controller takes the next port")
    ingest_port: int = Field(8090, ge=1, le=65535, description="HTTP door of ingest")
    console_port: int = Field(8080, ge=1, le=65535, description="the officer's console")
    messages_port: int = Field(
        8025, ge=1, le=65535, description="page that shows the received Slack messages and mails"
    )
    smtp_port: int = Field(2525, ge=1, le=65535, description="SMTP server that receives the demo's mails")
    ingest_metrics_port: int = Field(9101, ge=1, le=65535, description="metrics of ingest")
    classify_metrics_port: int = Field(9102, ge=1, le=65535, description="metrics of classify")
    alert_metrics_port: int = Field(9103, ge=1, le=65535, description="metrics of alert")
    rate: float = Field(5.0, gt=0, le=1000, description="posts a second that the sample stream is played at")

    def ports(self) -> list[tuple[int, str]]:
        """(port, setting) of everything that listens."""
        named = [
            (getattr(self, name), f"MYTHWATCH_DEMO_{name.upper()}")
            for name in type(self).model_fields
            if name.endswith("_port")
        ]
        return [*named, (self.kafka_port + 1, "MYTHWATCH_DEMO_KAFKA_PORT")]
