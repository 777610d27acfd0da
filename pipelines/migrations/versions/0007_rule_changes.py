"""Changes of rules and their steps; the rules that a batch was judged with, where they are not the shipped ones."""

import sqlalchemy as sa
from alembic import op

revision = "0007_rule_changes"
down_revision = "0006_objections"


def upgrade() -> None:
    with op.batch_alter_table("batch") as batch:
        batch.add_column(sa.Column("rules_digest", sa.String))
    op.create_table(
        "rule_change",
        sa.Column("change_id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("dataset", sa.String, nullable=False),
        sa.Column("rule_id", sa.String, nullable=False),
        sa.Column("content", sa.String, nullable=False),
        sa.Column("first_month", sa.String, nullable=False),
        sa.Column("last_month", sa.String),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("actor_kind", sa.String, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("settled_at", sa.String),
        sa.Column("settled_actor_kind", sa.String),
        sa.Column("settled_actor", sa.String),
        sa.Column("note", sa.String, nullable=False),
        sa.Column("steps", sa.Integer, nullable=False),
    )
    op.create_table(
        "rule_change_step",
        sa.Column("change_id", sa.Integer, sa.ForeignKey("rule_change.change_id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("actor_kind", sa.String, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("step", sa.String, nullable=False),
        sa.Column("detail", sa.String, nullable=False),
        sa.Column("previous_hash", sa.String, nullable=False),
        sa.Column("entry_hash", sa.String, nullable=False),
    )
