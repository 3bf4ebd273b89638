"""What DNS last proved about DANE at a next hop."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table of DANE verdicts."""
    name = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.create_table(
        "dane_verdicts",
        sa.Column("next_hop", name, primary_key=True),
        sa.Column("domain", name, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("learnt_at", sa.BigInteger, nullable=False),
    )
    op.create_index("dane_verdicts_domain", "dane_verdicts", ["domain"])
    op.create_index("dane_verdicts_learnt_at", "dane_verdicts", ["learnt_at"])
