"""How narratives spread, and what people merged and split"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("cases") as changed:
        for name in ("likes", "views", "doubling_ms"):
            changed.add_column(sa.Column(name, sa.BigInteger(), server_default="0", nullable=False))
        changed.add_column(sa.Column("pace", sa.Float(), server_default="0", nullable=False))
        changed.add_column(sa.Column("coordinated", sa.Text(), server_default="", nullable=False))
    with op.batch_alter_table("posts") as changed:
        changed.add_column(sa.Column("subject", sa.String(length=200), server_default="", nullable=False))
        changed.add_column(sa.Column("wording", sa.String(length=32), server_default="", nullable=False))
    op.create_index("ix_posts_wording", "posts", ["case_id", "wording"])
    op.create_table(
        "subjects",
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_subjects_case_id")),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_subjects")),
    )
    op.create_index(op.f("ix_subjects_case_id"), "subjects", ["case_id"])
    op.create_table(
        "wordings",
        sa.Column("from_case_id", sa.String(length=32), nullable=False),
        sa.Column("wording", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_wordings_case_id")),
        sa.ForeignKeyConstraint(["from_case_id"], ["cases.id"], name=op.f("fk_wordings_from_case_id")),
        sa.PrimaryKeyConstraint("from_case_id", "wording", name=op.f("pk_wordings")),
    )
    op.create_index(op.f("ix_wordings_case_id"), "wordings", ["case_id"])


def downgrade() -> None:
    for name in ("wordings", "subjects"):
        op.drop_table(name)
    with op.batch_alter_table("posts") as changed:
        changed.drop_index("ix_posts_wording")
        for name in ("wording", "subject"):
            changed.drop_column(name)
    with op.batch_alter_table("cases") as changed:
        for name in ("coordinated", "pace", "doubling_ms", "views", "likes"):
            changed.drop_column(name)
