"""Which stories report one event, which continue one, and what a person has separated"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "event_report",
        sa.Column("story_id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("follows_story_id", sa.Integer(), nullable=True),
        sa.Column("lead_article_id", sa.Integer(), nullable=False),
        sa.Column("words", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["story_id"], ["story.id"]),
        sa.PrimaryKeyConstraint("story_id"),
    )
    for column in ("event_id", "follows_story_id", "lead_article_id", "at"):
        op.create_index(f"ix_event_report_{column}", "event_report", [column])
    op.create_table(
        "separation",
        sa.Column("article_id", sa.Integer(), nullable=False),
        sa.Column("other_id", sa.Integer(), nullable=False),
        sa.Column("reviewer", sa.String(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["article_id"], ["article.id"]),
        sa.ForeignKeyConstraint(["other_id"], ["article.id"]),
        sa.PrimaryKeyConstraint("article_id", "other_id"),
    )
    op.create_index("ix_separation_other_id", "separation", ["other_id"])
