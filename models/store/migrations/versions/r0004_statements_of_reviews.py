"""What each model version has learned from reviews, and whether a person went back to it

Reviews themselves keep their form: one row has always been one statement, of one theme or of the scope, and the latest counts.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_version = sa.table(
    "model_version",
    sa.column("version", sa.String()),
    sa.column("trained_at", sa.DateTime(timezone=True)),
    sa.column("scores", sa.JSON()),
    sa.column("reviews_learned", sa.Integer()),
    sa.column("reviews_until", sa.DateTime(timezone=True)),
)


def upgrade() -> None:
    """To this revision."""
    with op.batch_alter_table("model_version") as table:
        table.add_column(sa.Column("reviews_learned", sa.Integer(), nullable=False, server_default=sa.text("0")))
        table.add_column(sa.Column("reviews_until", sa.DateTime(timezone=True), nullable=True))
        table.add_column(sa.Column("pinned", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("model_version") as table:
        table.alter_column("reviews_learned", server_default=None)
        table.alter_column("pinned", server_default=None)
    link = op.get_bind()
    for version, trained_at, scores in link.execute(
        sa.select(_version.c.version, _version.c.trained_at, _version.c.scores)
    ).all():
        learned, until = _learned(scores, trained_at)
        if learned:
            link.execute(
                sa.update(_version)
                .where(_version.c.version == version)
                .values(reviews_learned=learned, reviews_until=until)
            )


def downgrade() -> None:
    """Back from this revision."""
    with op.batch_alter_table("model_version") as table:
        table.drop_column("pinned")
        table.drop_column("reviews_until")
        table.drop_column("reviews_learned")


def _learned(scores: Any, trained_at: datetime) -> tuple[int, datetime | None]:
    """How many reviews a version of the first release learned from, as its card says; those of the seeds alone have no card."""
    if isinstance(scores, str):
        scores = json.loads(scores)
    card = scores.get("card") if isinstance(scores, Mapping) else None
    number = card.get("reviews") if isinstance(card, Mapping) else None
    return (number, trained_at) if isinstance(number, int) and number > 0 else (0, None)
