"""The table of answers; the migrations create the same."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from services.alert.schema import metadata

responses = Table(
    "responses", metadata,
    Column("id", String(32), primary_key=True),
    Column("myth_id", String(200), nullable=False),
    Column("language", String(8), nullable=False),
    Column("place", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("author", Text, nullable=False, server_default=""),
    Column("approver", Text, nullable=False, server_default=""),
    Column("proposed_ms", BigInteger, nullable=False, server_default="0"),
    Column("approved_ms", BigInteger, nullable=False, server_default="0"),
    Column("expires_ms", BigInteger, nullable=False, server_default="0"),
)  # fmt: skip
Index("ix_responses_myth", responses.c.myth_id, responses.c.language, responses.c.place)
