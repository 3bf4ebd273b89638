"""Domains that are watched: looks, findings over time, and messages on their way."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the four tables."""
    name = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.create_table(
        "watched_domains",
        sa.Column("domain", name, primary_key=True),
        sa.Column("added_at", sa.BigInteger, nullable=False),
        sa.Column("next_look_at", sa.BigInteger, nullable=False),
        sa.Column("looked_at", sa.BigInteger),
        sa.Column("succeeded_at", sa.BigInteger),
        sa.Column("figures", sa.LargeBinary),
        sa.Column("memory", sa.LargeBinary),
        sa.Column("claimed_until", sa.BigInteger),
    )
    op.create_index("watched_domains_next_look_at", "watched_domains", ["next_look_at"])
    op.create_table(
        "watch_observations",
        sa.Column("domain", name, primary_key=True),
        sa.Column("at", sa.BigInteger, primary_key=True),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("sentence", sa.Text, nullable=False),
        sa.Column("is_change", sa.Boolean, nullable=False),
        sa.Column("evidence", sa.LargeBinary),
    )
    op.create_index("watch_observations_at", "watch_observations", ["at"])
    op.create_table(
        "watch_findings",
        sa.Column("domain", name, primary_key=True),
        sa.Column("code", sa.Text, primary_key=True),
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("first_seen", sa.BigInteger, primary_key=True),
        sa.Column("last_seen", sa.BigInteger, nullable=False),
        sa.Column("times_seen", sa.Integer, nullable=False),
        sa.Column("missed_at", sa.BigInteger),
        sa.Column("resolved_at", sa.BigInteger),
        sa.Column("told", sa.Text),
        sa.Column("finding", sa.LargeBinary, nullable=False),
    )
    op.create_index("watch_findings_resolved_at", "watch_findings", ["resolved_at"])
    op.create_table(
        "watch_messages",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("domain", name, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("notice", sa.LargeBinary, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_try_at", sa.BigInteger, nullable=False),
        sa.Column("claimed_until", sa.BigInteger),
        sa.Column("settled_at", sa.BigInteger),
        sa.Column("failure", sa.Text),
    )
    op.create_index("watch_messages_next_try_at", "watch_messages", ["next_try_at"])
    op.create_index("watch_messages_settled_at", "watch_messages", ["settled_at"])
