"""Who handles a case, and what was answered"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TEXTS = {
    "cases": ("assigned_to", "answer_url", "merged_into"),
    "feedback": ("assignee", "answer_url", "other_case_id"),
}


def upgrade() -> None:
    for table, names in _TEXTS.items():
        with op.batch_alter_table(table) as changed:
            for name in names:
                changed.add_column(sa.Column(name, sa.Text(), server_default="", nullable=False))
    with op.batch_alter_table("cases") as changed:
        changed.add_column(sa.Column("answered_ms", sa.BigInteger(), server_default="0", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("cases") as changed:
        changed.drop_column("answered_ms")
    for table, names in _TEXTS.items():
        with op.batch_alter_table(table) as changed:
            for name in names:
                changed.drop_column(name)
