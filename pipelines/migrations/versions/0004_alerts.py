"""Alerts and what was sent of them, mail addresses of accounts, and why a run failed in English."""

import sqlalchemy as sa
from alembic import op

revision = "0004_alerts"
down_revision = "0003_access"


def upgrade() -> None:
    op.add_column("run", sa.Column("message_en", sa.String))
    op.add_column("account", sa.Column("email", sa.String, nullable=False, server_default=""))
    op.create_table(
        "alert",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("zh", sa.String, nullable=False),
        sa.Column("en", sa.String, nullable=False),
        sa.Column("since", sa.String, nullable=False),
        sa.Column("areas", sa.String, nullable=False),
        sa.Column("supplier_id", sa.String, nullable=False),
        sa.Column("weight", sa.Integer, nullable=False),
        sa.Column("raised_at", sa.String, nullable=False),
        sa.Column("changed_at", sa.String, nullable=False),
        sa.Column("resolved_at", sa.String),
        sa.Column("acknowledged_at", sa.String),
        sa.Column("acknowledged_by", sa.String),
    )
    is_open = sa.text("resolved_at is null")
    op.create_index(
        "alert_open_once", "alert", ["kind", "subject"], unique=True, sqlite_where=is_open, postgresql_where=is_open
    )
    op.create_table(
        "alert_message",
        sa.Column("alert", sa.Integer, sa.ForeignKey("alert.number"), primary_key=True, autoincrement=False),
        sa.Column("channel", sa.String, primary_key=True),
        sa.Column("recipient", sa.String, primary_key=True),
        sa.Column("version", sa.String, nullable=False),
        sa.Column("due_at", sa.String, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("error", sa.String),
        sa.Column("sent_version", sa.String),
        sa.Column("sent_at", sa.String),
    )
