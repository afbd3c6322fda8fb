"""Alembic's entry: runs the revisions on the connection that `models.store.database.migrate` hands over."""

from alembic import context
from sqlmodel import SQLModel

import models.store.tables  # noqa: F401  the tables register themselves

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
