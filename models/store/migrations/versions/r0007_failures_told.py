"""When it was told that a source fails, so that it is told once"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this revision."""
    op.add_column("source_state", sa.Column("failure_told_at", sa.DateTime(timezone=True), nullable=True))
