"""Alembic's entry: runs on the connection that services/alert/database.py hands over, inside its transaction."""

from __future__ import annotations

from alembic import context

from services.alert.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True, compare_type=True)
context.run_migrations()
