"""Answers, proposed and approved; myths that this service has to publish"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "responses",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("myth_id", sa.String(length=200), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("place", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        *(sa.Column(name, sa.Text(), server_default="", nullable=False) for name in ("author", "approver")),
        *(
            sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)
            for name in ("proposed_ms", "approved_ms", "expires_ms")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_responses")),
    )
    op.create_index("ix_responses_myth", "responses", ["myth_id", "language", "place"])
    with op.batch_alter_table("myths") as changed:
        changed.add_column(sa.Column("published", sa.Boolean(), server_default="1", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("myths") as changed:
        changed.drop_column("published")
    op.drop_table("responses")
