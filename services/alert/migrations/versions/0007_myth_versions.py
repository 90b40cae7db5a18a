"""What people wrote about myths"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "myth_versions",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("myth_id", sa.String(length=200), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("author", sa.Text(), server_default="", nullable=False),
        sa.Column("approver", sa.Text(), server_default="", nullable=False),
        sa.Column("proposed_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("approved_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_myth_versions")),
    )
    op.create_index("ix_myth_versions_myth", "myth_versions", ["myth_id", "state"])


def downgrade() -> None:
    op.drop_table("myth_versions")
