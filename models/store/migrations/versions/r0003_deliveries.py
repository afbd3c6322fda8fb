"""What was decided about an edition, when it was sealed, and the message of a delivery that may have to be repeated"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TEXTS = ("decision", "decision_hash", "decision_by")


def upgrade() -> None:
    """To this revision."""
    op.add_column("edition", sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("edition", sa.Column("preview", sa.Boolean(), nullable=False, server_default=sa.false()))
    for name in _TEXTS:
        op.add_column("edition", sa.Column(name, sa.String(), nullable=False, server_default=""))
    op.add_column("edition", sa.Column("latest_review", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("delivery", sa.Column("message", sa.LargeBinary(), nullable=True))
    # Until now an edition was sealed moments after it was composed.
    op.execute("UPDATE edition SET sealed_at = composed_at WHERE sealed")


def downgrade() -> None:
    """Back from this revision."""
    op.execute("UPDATE delivery SET state = 'failed' WHERE state = 'expired'")  # a state that it does not know
    op.drop_column("delivery", "message")
    for name in ("latest_review", *_TEXTS, "preview", "sealed_at"):
        op.drop_column("edition", name)
