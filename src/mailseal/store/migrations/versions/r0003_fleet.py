"""What several nodes need that share a database: claims, and the dates of purges."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the claim to the policies, and make the table of purges."""
    name = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.add_column("sts_policies", sa.Column("claimed_until", sa.BigInteger))
    op.create_table(
        "sts_purges",
        sa.Column("domain", name, primary_key=True),
        sa.Column("purged_at", sa.BigInteger, nullable=False),
    )
    op.create_index("sts_purges_purged_at", "sts_purges", ["purged_at"])
