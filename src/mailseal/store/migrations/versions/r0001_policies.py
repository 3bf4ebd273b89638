"""Policies with all their dates."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the table of policies."""
    name = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.create_table(
        "sts_policies",
        sa.Column("domain", name, primary_key=True),
        sa.Column("record_id", sa.Text, nullable=False),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("fetched_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("id_checked_at", sa.BigInteger, nullable=False),
        sa.Column("id_ttl", sa.BigInteger, nullable=False),
        sa.Column("refetch_at", sa.BigInteger, nullable=False),
        sa.Column("failure_id", sa.Text),
        sa.Column("failure_at", sa.BigInteger),
        sa.Column("failure_count", sa.Integer),
        sa.Column("failure_result", sa.Text),
        sa.Column("failure_reason", sa.Text),
    )
    op.create_index("sts_policies_refetch_at", "sts_policies", ["refetch_at"])
    op.create_index("sts_policies_mode_expires_at", "sts_policies", ["mode", "expires_at"])
    op.create_index("sts_policies_expires_at", "sts_policies", ["expires_at"])
