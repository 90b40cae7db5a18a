"""The table of mutes of whole topics and myths; the migrations create the same."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, String, Table, Text

from services.alert.schema import metadata

mutes = Table(
    "mutes", metadata,
    Column("id", String(32), primary_key=True),
    Column("scope", String(16), nullable=False),  # topic or myth
    Column("value", String(200), nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("person", Text, nullable=False, server_default=""),
    Column("via", Text, nullable=False, server_default=""),
    Column("why", Text, nullable=False, server_default=""),
    Column("at_ms", BigInteger, nullable=False, server_default="0"),
    Column("ended_by", Text, nullable=False, server_default=""),
    Column("ended_ms", BigInteger, nullable=False, server_default="0"),  # 0 while it lasts
)  # fmt: skip
Index("ix_mutes_ended_ms", mutes.c.ended_ms)
