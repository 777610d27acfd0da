"""The tuned rules that a delivered file was held to, so that a refused one is tried again when they are others."""

import sqlalchemy as sa
from alembic import op

revision = "0010_rules_of_deliveries"
down_revision = "0009_linking_hash"


def upgrade() -> None:
    op.add_column("delivery", sa.Column("rules_digest", sa.String))
