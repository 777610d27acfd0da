"""Follow-up of missed targets: tasks and their events."""

import sqlalchemy as sa
from alembic import op

revision = "0002_follow_up"
down_revision = "0001_ledger"


def _figure() -> list[sa.Column[str]]:
    return [
        sa.Column(name, sa.String)
        for name in ("edition_id", "period", "status", "certainty", "numerator", "denominator", "shortfall")
    ]


def upgrade() -> None:
    op.create_table(
        "follow_up_task",
        sa.Column("task_id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("unit_key", sa.String, nullable=False),
        sa.Column("unit_code", sa.String, nullable=False),
        sa.Column("unit_name", sa.String, nullable=False),
        sa.Column("period_type", sa.String, nullable=False),
        sa.Column("kpi_id", sa.String, nullable=False),
        sa.Column("target_id", sa.String, nullable=False),
        sa.Column("owner_agency", sa.String, nullable=False),
        sa.Column("since_period", sa.String, nullable=False),
        *_figure(),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("due_date", sa.String),
        sa.Column("assignee", sa.String),
        sa.Column("events", sa.Integer, nullable=False),
    )
    is_open = sa.text("state not in ('closed', 'withdrawn')")
    op.create_index(
        "follow_up_task_open_once", "follow_up_task", ["unit_key", "kpi_id", "target_id"],
        unique=True, sqlite_where=is_open, postgresql_where=is_open,
    )  # fmt: skip
    op.create_table(
        "follow_up_event",
        sa.Column("task_id", sa.Integer, sa.ForeignKey("follow_up_task.task_id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("actor_kind", sa.String, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("due_date", sa.String),
        sa.Column("assignee", sa.String),
        sa.Column("instructions", sa.String),
        sa.Column("note", sa.String),
        sa.Column("document", sa.String),
        *_figure(),
        sa.Column("previous_hash", sa.String, nullable=False),
        sa.Column("entry_hash", sa.String, nullable=False),
    )
