"""Which organisations a recipient watches"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this revision: nobody watches any."""
    op.add_column("recipient", sa.Column("watch", sa.JSON(), server_default=sa.text("'[]'"), nullable=False))
