"""Which edition told an article, and what was known of its source when it was stored"""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

CHUNK = 500


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "source_snapshot",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("nation", sa.String(), nullable=False),
        sa.Column("sector", sa.String(), nullable=False),
        sa.Column("rights", sa.String(), nullable=False),
        sa.Column("weight", sa.Float(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("source"),
    )
    op.create_table(
        "article_edition",
        sa.Column("article_id", sa.Integer(), nullable=False),
        sa.Column("week", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["article_id"], ["article.id"]),
        sa.PrimaryKeyConstraint("article_id"),
    )
    op.create_index("ix_article_edition_week", "article_edition", ["week"], unique=False)
    for column in ("nation", "sector", "rights"):  # of old articles unknown: the next run fills it in
        op.add_column("article", sa.Column(column, sa.String(), nullable=True))
    op.add_column("article", sa.Column("weight", sa.Float(), nullable=True))
    op.add_column("article", sa.Column("backfilled", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute("UPDATE article SET backfilled = true WHERE story_id IS NULL")  # only a backfill had stored such
    _place_what_was_sent()


def _place_what_was_sent() -> None:
    """The editions that went out before say themselves which stories they told."""
    link = op.get_bind()
    editions = sa.table(
        "edition", sa.column("week"), sa.column("content", sa.JSON()), sa.column("sealed", sa.Boolean())
    )
    article = sa.table("article", sa.column("id"), sa.column("story_id"))
    placed = sa.table(
        "article_edition",
        sa.column("article_id"),
        sa.column("week"),
        sa.column("reason"),
        sa.column("at", sa.DateTime(timezone=True)),
    )
    now = datetime.now(UTC)
    done: set[int] = set()
    query = sa.select(editions.c.week, editions.c.content).where(editions.c.sealed).order_by(editions.c.week)
    for week, content in link.execute(query).all():
        shown = sorted(_shown(content))
        rows: list[dict[str, Any]] = []
        for start in range(0, len(shown), CHUNK):
            some = shown[start : start + CHUNK]
            stories = sa.select(article.c.story_id).where(article.c.id.in_(some), article.c.story_id.is_not(None))
            of_story = sa.or_(article.c.id.in_(some), article.c.story_id.in_(stories))
            for number in link.scalars(sa.select(article.c.id).where(of_story)):
                if number not in done:
                    done.add(number)
                    rows.append({"article_id": number, "week": week, "reason": "", "at": now})
        if rows:
            link.execute(placed.insert(), rows)


def _shown(content: Any) -> set[int]:
    stories = content.get("stories", []) if isinstance(content, dict) else []
    return {story["id"] for story in stories if isinstance(story, dict) and isinstance(story.get("id"), int)}


def downgrade() -> None:
    """Back from this revision."""
    with op.batch_alter_table("article", schema=None) as batch_op:
        for column in ("backfilled", "weight", "rights", "sector", "nation"):
            batch_op.drop_column(column)
    op.drop_index("ix_article_edition_week", table_name="article_edition")
    op.drop_table("article_edition")
    op.drop_table("source_snapshot")
