"""Alembic's entry: runs revisions on the connection that ``store.database.upgrade`` hands over."""

from alembic import context

from models.tables import Row

context.configure(connection=context.config.attributes["connection"], target_metadata=Row.metadata)
with context.begin_transaction():
    context.run_migrations()
