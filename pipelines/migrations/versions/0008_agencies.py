"""The agencies for which accounts speak, and of which alerts tell."""

import sqlalchemy as sa
from alembic import op

revision = "0008_agencies"
down_revision = "0007_rule_changes"


def upgrade() -> None:
    op.add_column("account", sa.Column("agency", sa.String, nullable=False, server_default=""))
    op.add_column("alert", sa.Column("agency", sa.String, nullable=False, server_default=""))
