"""Who gets in: accounts, one-time links, sessions, and the audit log with its last entry."""

import sqlalchemy as sa
from alembic import op

revision = "0003_access"
down_revision = "0002_follow_up"


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("full_name", sa.String, nullable=False),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("area", sa.String, nullable=False),
        sa.Column("is_disabled", sa.Boolean, nullable=False),
        sa.Column("password_hash", sa.String),
        sa.Column("added_at", sa.String, nullable=False),
    )
    op.create_table(
        "access_link",
        sa.Column("token_hash", sa.String, primary_key=True),
        sa.Column("account", sa.String, nullable=False),
        sa.Column("expires_at", sa.String, nullable=False),
    )
    op.create_table(
        "web_session",
        sa.Column("token_hash", sa.String, primary_key=True),
        sa.Column("account", sa.String, nullable=False),
        sa.Column("started_at", sa.String, nullable=False),
        sa.Column("seen_at", sa.String, nullable=False),
    )
    op.create_table(
        "audit_event",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("actor_kind", sa.String, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("address", sa.String, nullable=False),
        sa.Column("action", sa.String, nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("detail", sa.String, nullable=False),
        sa.Column("previous_hash", sa.String, nullable=False),
        sa.Column("entry_hash", sa.String, nullable=False),
    )
    op.create_index("audit_event_by_action", "audit_event", ["action", "at"])
    head = op.create_table(
        "audit_head",
        sa.Column("head_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("entry_hash", sa.String, nullable=False),
    )
    op.bulk_insert(head, [{"head_id": 1, "number": 0, "entry_hash": "0" * 64}])
