"""The ledger of deliveries, slots and batches, and rule results by run.

Stores made before there were steps have these tables already.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001_ledger"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "run",
        sa.Column("run_id", sa.String, primary_key=True),
        sa.Column("started_at", sa.String, nullable=False),
        sa.Column("finished_at", sa.String),
        sa.Column("as_of", sa.String, nullable=False),
        sa.Column("outcome", sa.String),
        sa.Column("edition_id", sa.String),
        sa.Column("message", sa.String),
        if_not_exists=True,
    )
    op.create_table(
        "delivery",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("run_id", sa.String, nullable=False),
        sa.Column("supplier_id", sa.String, nullable=False),
        sa.Column("dataset", sa.String, nullable=False),
        sa.Column("period", sa.String, nullable=False),
        sa.Column("file_name", sa.String, nullable=False),
        sa.Column("file_hash", sa.String, nullable=False),
        sa.Column("received_at", sa.String, nullable=False),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("contract_version", sa.Integer, nullable=False),
        sa.Column("refusal_code", sa.String),
        sa.Column("refusal_zh", sa.String),
        sa.Column("refusal_en", sa.String),
        sa.Column("batch_id", sa.String),
        sa.Column("previous_hash", sa.String, nullable=False),
        sa.Column("entry_hash", sa.String, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "batch",
        sa.Column("batch_id", sa.String, primary_key=True),
        sa.Column("supplier_id", sa.String, nullable=False),
        sa.Column("dataset", sa.String, nullable=False),
        sa.Column("period", sa.String, nullable=False),
        sa.Column("content_hash", sa.String, nullable=False),
        sa.Column("verdicts_hash", sa.String, nullable=False),
        sa.Column("contract_version", sa.Integer, nullable=False),
        sa.Column("key_id", sa.String, nullable=False),
        sa.Column("rows_read", sa.Integer, nullable=False),
        sa.Column("rows_data", sa.Integer, nullable=False),
        sa.Column("rows_title", sa.Integer, nullable=False),
        sa.Column("rows_header", sa.Integer, nullable=False),
        sa.Column("rows_note", sa.Integer, nullable=False),
        sa.Column("rows_totals", sa.Integer, nullable=False),
        sa.Column("rows_blank", sa.Integer, nullable=False),
        sa.Column("rows_continuation", sa.Integer, nullable=False),
        sa.Column("remarks", sa.String, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "slot",
        sa.Column("supplier_id", sa.String, primary_key=True),
        sa.Column("dataset", sa.String, primary_key=True),
        sa.Column("period", sa.String, primary_key=True),
        sa.Column("batch_id", sa.String),
        sa.Column("is_correction_refused", sa.Boolean, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "landed",
        sa.Column("path", sa.String, primary_key=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("changed_ns", sa.BigInteger, nullable=False),
        sa.Column("file_hash", sa.String, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "rule_result",
        sa.Column("run_id", sa.String, primary_key=True),
        sa.Column("batch_id", sa.String, primary_key=True),
        sa.Column("rule_id", sa.String, primary_key=True),
        sa.Column("dataset", sa.String, nullable=False),
        sa.Column("period", sa.String, nullable=False),
        sa.Column("rule_version", sa.Integer, nullable=False),
        sa.Column("severity", sa.String, nullable=False),
        sa.Column("is_cross_file", sa.Boolean, nullable=False),
        sa.Column("rows_checked", sa.Integer, nullable=False),
        sa.Column("rows_failed", sa.Integer, nullable=False),
        if_not_exists=True,
    )
