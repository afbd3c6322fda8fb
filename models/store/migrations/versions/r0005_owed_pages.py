"""Pages that are owed, what listings and pages last said, earlier headlines"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Up to here a page that failed was tried three times; those that were not get what is still due to them.
_FORMER_TRIES = 3


def upgrade() -> None:
    """To this revision."""
    with op.batch_alter_table("article", schema=None) as batch_op:
        batch_op.add_column(sa.Column("page_owed_since", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("page_due_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("page_given_up", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("page_checked_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("page_title", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("page_etag", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("page_sha256", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("listed_title", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("listed_digest", sa.String(), nullable=True))
        batch_op.create_index(batch_op.f("ix_article_page_due_at"), ["page_due_at"], unique=False)
    op.create_table(
        "earlier_headline",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("article_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["article_id"], ["article.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("article_id", "title"),
    )
    with op.batch_alter_table("earlier_headline", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_earlier_headline_article_id"), ["article_id"], unique=False)
    article = sa.table(
        "article",
        sa.column("text_status", sa.String()),
        sa.column("attempts", sa.Integer()),
        sa.column("first_seen_at", sa.DateTime(timezone=True)),
        sa.column("page_owed_since", sa.DateTime(timezone=True)),
        sa.column("page_due_at", sa.DateTime(timezone=True)),
    )
    op.execute(
        sa.update(article)
        .where(article.c.text_status == "failed", article.c.attempts < _FORMER_TRIES)
        .values(page_owed_since=article.c.first_seen_at, page_due_at=article.c.first_seen_at)
    )
