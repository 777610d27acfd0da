"""What Alembic runs to apply steps: inside the transaction of whoever called `upgrade`."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
