"""Digests"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "digests",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("weekly", sa.Boolean(), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("recipient", sa.String(length=320), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("since_ms", "until_ms")),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        *(
            sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)
            for name in ("next_attempt_ms", "claimed_ms")
        ),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("sent_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_digests")),
    )
    op.create_index("ix_digests_outbox", "digests", ["state", "channel", "next_attempt_ms"])


def downgrade() -> None:
    op.drop_table("digests")
