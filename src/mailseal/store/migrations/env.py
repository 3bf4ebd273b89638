"""What Alembic runs to migrate: over the caller's connection, inside the caller's transaction."""

from alembic import context

from mailseal.store.schema import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
with context.begin_transaction():
    context.run_migrations()
