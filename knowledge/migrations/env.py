"""Alembic entrance: the connection is given by `knowledge.database.migrate`."""

from alembic import context

import knowledge.learned_models  # their tables join the metadata
import knowledge.line_models  # noqa: F401
from knowledge.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
