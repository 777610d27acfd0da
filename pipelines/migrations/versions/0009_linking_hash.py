"""The hash of a batch's linking keys, so that damage to them is found."""

import sqlalchemy as sa
from alembic import op

revision = "0009_linking_hash"
down_revision = "0008_agencies"


def upgrade() -> None:
    op.add_column("batch", sa.Column("linking_hash", sa.String))
