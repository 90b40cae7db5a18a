"""The table of what people wrote about myths; the migrations create the same."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, LargeBinary, String, Table, Text

from services.alert.schema import metadata

myth_versions = Table(
    "myth_versions", metadata,
    Column("id", String(32), primary_key=True),
    Column("myth_id", String(200), nullable=False),
    Column("record", LargeBinary, nullable=False),  # a serialised Myth, without responses
    Column("state", String(16), nullable=False),
    Column("author", Text, nullable=False, server_default=""),
    Column("approver", Text, nullable=False, server_default=""),
    Column("proposed_ms", BigInteger, nullable=False, server_default="0"),
    Column("approved_ms", BigInteger, nullable=False, server_default="0"),
)  # fmt: skip
Index("ix_myth_versions_myth", myth_versions.c.myth_id, myth_versions.c.state)
