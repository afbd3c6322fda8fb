"""How often a recipient is mailed, the stories that daily emails and alerts told them, and alerts to channels"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this revision: everybody has the weekly edition alone."""
    op.add_column("recipient", sa.Column("daily", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("recipient", sa.Column("alerts", sa.JSON(), server_default=sa.text("'[]'"), nullable=False))
    with op.batch_alter_table("delivery") as table:
        table.alter_column("edition_id", existing_type=sa.Integer(), nullable=True)
        table.add_column(sa.Column("kind", sa.String(), server_default="weekly", nullable=False))
        table.add_column(sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True))
        table.create_index("ix_delivery_opened_at", ["opened_at"])
    with op.batch_alter_table("channel_post") as table:
        table.alter_column("edition_id", existing_type=sa.Integer(), nullable=True)
        table.add_column(sa.Column("article_id", sa.Integer(), nullable=True))
        table.add_column(sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True))
        table.create_foreign_key("fk_channel_post_article", "article", ["article_id"], ["id"])
        table.create_index("ix_channel_post_article_id", ["article_id"])
    op.create_table(
        "told_story",
        sa.Column("delivery_id", sa.Integer(), nullable=False),
        sa.Column("article_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"]),
        sa.ForeignKeyConstraint(["article_id"], ["article.id"]),
        sa.PrimaryKeyConstraint("delivery_id", "article_id"),
    )
    op.create_index("ix_told_story_article_id", "told_story", ["article_id"])
