"""Objections to figures, and what happened to them."""

import sqlalchemy as sa
from alembic import op

revision = "0006_objections"
down_revision = "0005_stewardship"


def upgrade() -> None:
    op.create_table(
        "objection",
        sa.Column("objection_id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("unit_key", sa.String, nullable=False),
        sa.Column("kpi_id", sa.String, nullable=False),
        sa.Column("target_id", sa.String, nullable=False),
        sa.Column("period_type", sa.String, nullable=False),
        sa.Column("period", sa.String, nullable=False),
        sa.Column("unit_code", sa.String, nullable=False),
        sa.Column("unit_name", sa.String, nullable=False),
        sa.Column("owner_agency", sa.String, nullable=False),
        sa.Column("edition_id", sa.String, nullable=False),
        sa.Column("value", sa.String),
        sa.Column("numerator", sa.String),
        sa.Column("denominator", sa.String),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("certainty", sa.String),
        sa.Column("claim", sa.String, nullable=False),
        sa.Column("named_rows", sa.String, nullable=False),
        sa.Column("due_date", sa.String, nullable=False),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("actor_kind", sa.String, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("outcome", sa.String),
        sa.Column("answer", sa.String, nullable=False),
        sa.Column("events", sa.Integer, nullable=False),
    )
    is_open = sa.text("state = 'open'")
    op.create_index(
        "objection_open_once",
        "objection",
        ["unit_key", "kpi_id", "target_id", "period_type", "period"],
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    op.create_table(
        "objection_event",
        sa.Column("objection_id", sa.Integer, sa.ForeignKey("objection.objection_id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("actor_kind", sa.String, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("detail", sa.String, nullable=False),
        sa.Column("previous_hash", sa.String, nullable=False),
        sa.Column("entry_hash", sa.String, nullable=False),
    )
