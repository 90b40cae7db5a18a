"""The table of digests; the migrations create the same. A digest is made when it is sent, so nothing of it is kept."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text

from services.alert.schema import metadata

digests = Table(
    "digests", metadata,
    Column("id", String(32), primary_key=True),
    Column("weekly", Boolean, nullable=False),
    Column("channel", String(16), nullable=False),
    Column("recipient", String(320), nullable=False),
    Column("since_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),  # pending, sending, unsure, sent, empty, failed
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_attempt_ms", BigInteger, nullable=False, server_default="0"),
    Column("claimed_ms", BigInteger, nullable=False, server_default="0"),
    Column("error", Text, nullable=False, server_default=""),
    Column("sent_ms", BigInteger, nullable=False, server_default="0"),
)  # fmt: skip
Index("ix_digests_outbox", digests.c.state, digests.c.channel, digests.c.next_attempt_ms)
