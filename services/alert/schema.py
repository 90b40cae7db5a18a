"""The tables. Times are milliseconds UTC; lists and maps are JSON; the migrations create the same tables.

The text of a post is held in `posts.text` and nowhere else, so that deleting the row deletes the text.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s",
                       "fk": "fk_%(table_name)s_%(column_0_name)s", "pk": "pk_%(table_name)s"}
)  # fmt: skip


def _ms(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0")


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="")


# The knowledge base as the topic `myths` gives it: the record as it came, and a digest of what alerts show.
myths = Table(
    "myths", metadata,
    Column("id", String(200), primary_key=True),
    Column("record", LargeBinary, nullable=False),
    Column("digest", String(32), nullable=False),
    Column("withdrawn", Boolean, nullable=False, server_default="0"),
    Column("published", Boolean, nullable=False, server_default="1"),  # false: the topic lacks what was approved here
)  # fmt: skip

cases = Table(
    "cases", metadata,
    Column("id", String(32), primary_key=True),
    Column("myth_id", String(200), nullable=False, index=True),
    Column("generation", Integer, nullable=False),
    _text("claim"),
    Column("status", String(16), nullable=False),
    Column("triage", String(16), nullable=False),
    Column("urgency", Integer, nullable=False, server_default="0"),  # triage rank x 10 + harm rank, for ordering
    _text("triage_reason"),
    Column("harm", String(16), nullable=False),
    Column("posts", Integer, nullable=False, server_default="0"),
    Column("authors", Integer, nullable=False, server_default="0"),
    Column("last_hour", Integer, nullable=False, server_default="0"),
    Column("hour_before", Integer, nullable=False, server_default="0"),
    Column("shares", BigInteger, nullable=False, server_default="0"),
    Column("likes", BigInteger, nullable=False, server_default="0"),
    Column("views", BigInteger, nullable=False, server_default="0"),
    _ms("doubling_ms"),
    Column("pace", Float, nullable=False, server_default="0"),
    _text("coordinated"),
    Column("platforms", JSON, nullable=False),
    Column("languages", JSON, nullable=False),
    _ms("first_seen_ms"),
    _ms("last_seen_ms"),
    _ms("muted_until_ms"),
    _text("decided_by"),
    _text("decided_via"),
    _ms("decided_ms"),
    Column("myth_digest", String(32), nullable=False, server_default=""),
    Column("version", Integer, nullable=False, server_default="0"),
    Column("published_version", Integer, nullable=False, server_default="0"),  # confirmed on the topic `cases`
    _text("trace"),
    _text("assigned_to"),
    _ms("answered_ms"),
    _text("answer_url"),
    _text("merged_into"),
    _ms("created_ms"),
    _ms("updated_ms"),
    UniqueConstraint("myth_id", "generation"),
)  # fmt: skip
Index("ix_cases_inbox", cases.c.status, cases.c.urgency.desc(), cases.c.last_seen_ms.desc())

posts = Table(
    "posts", metadata,
    Column("id", Text, primary_key=True),
    Column("case_id", String(32), ForeignKey("cases.id"), nullable=False),
    Column("verdict_id", String(64), nullable=False),
    Column("subject", String(200), nullable=False, server_default=""),  # the myth or candidate that it was counted under
    Column("wording", String(32), nullable=False, server_default=""),  # fingerprint of its words; empty for short ones
    _text("text"), _text("language"), _text("platform"), _text("author"), _text("url"),
    _ms("created_ms"), _ms("received_ms"), _ms("seen_ms"),
    Column("edited", Boolean, nullable=False, server_default="0"),
    Column("likes", BigInteger, nullable=False, server_default="0"),
    Column("reposts", BigInteger, nullable=False, server_default="0"),
    Column("replies", BigInteger, nullable=False, server_default="0"),
    Column("views", BigInteger, nullable=False, server_default="0"),
    _text("kind"), _text("stance"),
    Column("stance_score", Float, nullable=False, server_default="0"),
    Column("match_score", Float, nullable=False, server_default="0"),
    Column("flag_score", Float, nullable=False, server_default="0"),
    Column("reasons", JSON, nullable=False),
    _text("model_version"),
    _ms("classified_ms"),
)  # fmt: skip
Index(
    "ix_posts_spread",
    posts.c.case_id,
    posts.c.seen_ms,
    posts.c.author,
    posts.c.platform,
    posts.c.language,
    posts.c.reposts,
)
Index("ix_posts_evidence", posts.c.case_id, posts.c.flag_score.desc())
Index("ix_posts_author", posts.c.author)
Index("ix_posts_wording", posts.c.case_id, posts.c.wording)

# What people merged and split, so that later posts follow: by the myth or candidate, and by the words of a post.
subjects = Table(
    "subjects", metadata,
    Column("subject", String(200), primary_key=True),
    Column("case_id", String(32), ForeignKey("cases.id"), nullable=False, index=True),
)  # fmt: skip
wordings = Table(
    "wordings", metadata,
    Column("from_case_id", String(32), ForeignKey("cases.id"), primary_key=True),
    Column("wording", String(32), primary_key=True),
    Column("case_id", String(32), ForeignKey("cases.id"), nullable=False, index=True),
)  # fmt: skip

# That a post or an author went, so that a verdict that comes late does not bring it back. Holds a hash, no id, no text.
tombstones = Table(
    "tombstones", metadata,
    Column("key", String(32), primary_key=True),  # content id of ("post", post id) or ("author", pseudonym)
    Column("kind", String(16), nullable=False),  # deleted, withdrawn or author
    _ms("at_ms"),  # received_ms of what took it away
    _ms("forget_ms"),
)  # fmt: skip
Index("ix_tombstones_forget_ms", tombstones.c.forget_ms)

# The live message of a case on a channel: what people see now. Quotes are remembered by post id and verdict id only.
messages = Table(
    "messages", metadata,
    Column("case_id", String(32), ForeignKey("cases.id"), primary_key=True),
    Column("channel", String(16), primary_key=True),
    Column("recipient", String(320), primary_key=True),
    _text("external_id"),  # Slack ts, or the Message-ID of the thread's latest e-mail
    _text("thread_id"),  # Message-ID of the thread's first e-mail
    Column("sequence", Integer, nullable=False, server_default="0"),  # of the latest notification recorded
    Column("told", Boolean, nullable=False, server_default="0"),
    Column("shown_version", Integer, nullable=False, server_default="0"),
    Column("shown_posts", Integer, nullable=False, server_default="0"),
    Column("shown_triage", String(16), nullable=False, server_default=""),
    Column("shown_status", String(16), nullable=False, server_default=""),
    _ms("shown_decided_ms"), _ms("shown_muted_until_ms"),
    Column("shown_myth_digest", String(32), nullable=False, server_default=""),
    Column("quotes", JSON, nullable=False),  # {post id: verdict id}
    _ms("sent_ms"),
)  # fmt: skip

# The outbox: one row for each telling; at most one unfinished for a message.
notifications = Table(
    "notifications", metadata,
    Column("id", String(32), primary_key=True),
    Column("case_id", String(32), ForeignKey("cases.id"), nullable=False, index=True),
    Column("channel", String(16), nullable=False),
    Column("recipient", String(320), nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("action", String(16), nullable=False),  # post or update
    _text("reason"),
    Column("state", String(16), nullable=False),  # pending, sending, unsure, sent, failed
    Column("urgency", Integer, nullable=False, server_default="0"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    _text("external_id"), _text("error"), _text("trace"),
    Column("case_version", Integer, nullable=False, server_default="0"),
    _ms("cause_ms"),  # when ingest received the post that made it due
    _ms("created_ms"), _ms("next_attempt_ms"), _ms("claimed_ms"), _ms("sent_ms"),
    Column("published", Boolean, nullable=False, server_default="0"),  # confirmed on the topic `notifications`
)  # fmt: skip
Index("ix_notifications_outbox", notifications.c.state, notifications.c.channel, notifications.c.next_attempt_ms)
Index("ix_notifications_published", notifications.c.published)

# Cases that a place would have been told of, but for its daily cap: the next digest lists them.
held_back = Table(
    "held_back", metadata,
    Column("case_id", String(32), ForeignKey("cases.id"), primary_key=True),
    Column("channel", String(16), primary_key=True),
    Column("recipient", String(320), primary_key=True),
    _text("why"), _ms("at_ms"),
)  # fmt: skip

feedback = Table(
    "feedback", metadata,
    Column("id", String(32), primary_key=True),
    Column("case_id", String(32), ForeignKey("cases.id"), nullable=False, index=True),
    Column("myth_id", String(200), nullable=False),
    Column("action", String(16), nullable=False),
    _text("person"), _text("via"), _text("note"),
    _ms("decided_ms"), _ms("muted_until_ms"),
    _text("assignee"), _text("answer_url"), _text("other_case_id"),
    Column("post_ids", JSON, nullable=False),
    Column("published", Boolean, nullable=False, server_default="0"),  # confirmed on the topic `feedback`
)  # fmt: skip

audit = Table(
    "audit", metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("case_id", String(32), ForeignKey("cases.id"), nullable=False, index=True),
    _ms("at_ms"), _text("who"), _text("via"), _text("what"), _text("why"),
)  # fmt: skip
