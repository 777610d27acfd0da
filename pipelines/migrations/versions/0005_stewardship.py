"""The steward's loop: decisions on rows, tickets, and the steps of both; batches that decisions made of others."""

import sqlalchemy as sa
from alembic import op

revision = "0005_stewardship"
down_revision = "0004_alerts"

_STEP = (
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("actor_kind", sa.String, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("step", sa.String, nullable=False),
    sa.Column("detail", sa.String, nullable=False),
    sa.Column("previous_hash", sa.String, nullable=False),
    sa.Column("entry_hash", sa.String, nullable=False),
)


def upgrade() -> None:
    with op.batch_alter_table("batch") as batch:
        batch.add_column(sa.Column("base_batch_id", sa.String))
        batch.add_column(sa.Column("rows_set_aside", sa.Integer, nullable=False, server_default="0"))
    op.create_table(
        "decision",
        sa.Column("decision_id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("supplier_id", sa.String, nullable=False),
        sa.Column("dataset", sa.String, nullable=False),
        sa.Column("period", sa.String, nullable=False),
        sa.Column("batch_id", sa.String, nullable=False),
        sa.Column("row_number", sa.Integer, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("content", sa.String, nullable=False),
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
    op.create_index("decision_by_slot", "decision", ["dataset", "period", "supplier_id"])
    op.create_table(
        "decision_step",
        sa.Column("decision_id", sa.Integer, sa.ForeignKey("decision.decision_id"), primary_key=True),
        *(column.copy() for column in _STEP),
    )
    op.create_table(
        "ticket",
        sa.Column("ticket_id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("supplier_id", sa.String, nullable=False),
        sa.Column("dataset", sa.String, nullable=False),
        sa.Column("rule_id", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("opened_at", sa.String, nullable=False),
        sa.Column("closed_at", sa.String),
        sa.Column("assignee", sa.String),
        sa.Column("due_date", sa.String),
        sa.Column("steps", sa.Integer, nullable=False),
        sa.UniqueConstraint("supplier_id", "dataset", "rule_id"),
    )
    op.create_table(
        "ticket_step",
        sa.Column("ticket_id", sa.Integer, sa.ForeignKey("ticket.ticket_id"), primary_key=True),
        *(column.copy() for column in _STEP),
    )
