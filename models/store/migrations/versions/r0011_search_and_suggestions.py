"""The index that stories are searched by, kept right by triggers, and what readers suggest about tags"""

# ruff: noqa: S608  the parts are our own words
import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0009"
branch_labels = None
depends_on = None


def _evidence(join: str, article: str) -> str:
    return (
        f"coalesce((SELECT {join}(evidence, ' ') FROM tag WHERE tag.article_id = {article} AND tag.state <> 'no'), '')"
    )


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "suggestion",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("article_id", sa.Integer(), nullable=False),
        sa.Column("theme", sa.String(), nullable=False),
        sa.Column("verdict", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["article_id"], ["article.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_suggestion_article_id", "suggestion", ["article_id"])
    op.create_index("ix_suggestion_at", "suggestion", ["at"])
    for statement in _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL:
        op.execute(statement)


def _of_tag(event: str, row: str) -> str:
    evidence = _evidence("group_concat", f"{row}.article_id")
    return (
        f"CREATE TRIGGER search_tag_{event.split()[0].lower()} AFTER {event} ON tag BEGIN "
        f"UPDATE search_index SET evidence = {evidence} WHERE rowid = {row}.article_id "
        f"AND EXISTS (SELECT 1 FROM article WHERE id = {row}.article_id AND text IS NULL); END"
    )


# While the text is held, the evidence is part of it; afterwards it is all of it that can still be found.
_SQLITE = (
    "CREATE VIRTUAL TABLE search_index USING fts5(title, summary, evidence, text, "
    "tokenize = 'porter unicode61 remove_diacritics 2')",
    "CREATE TRIGGER search_article_insert AFTER INSERT ON article BEGIN "
    "INSERT INTO search_index (rowid, title, summary, evidence, text) "
    "VALUES (new.id, new.title, new.summary, '', coalesce(new.text, '')); END",
    "CREATE TRIGGER search_article_update AFTER UPDATE OF title, summary, text ON article "
    "WHEN old.title <> new.title OR old.summary <> new.summary OR old.text IS NOT new.text BEGIN "
    "UPDATE search_index SET title = new.title, summary = new.summary, text = coalesce(new.text, ''), "
    f"evidence = CASE WHEN new.text IS NULL THEN {_evidence('group_concat', 'new.id')} ELSE '' END "
    "WHERE rowid = new.id; END",
    "CREATE TRIGGER search_article_delete AFTER DELETE ON article BEGIN "
    "DELETE FROM search_index WHERE rowid = old.id; END",
    _of_tag("INSERT", "new"),
    _of_tag("UPDATE OF evidence, state, article_id", "new"),
    _of_tag("DELETE", "old"),
    "INSERT INTO search_index (rowid, title, summary, evidence, text) SELECT id, title, summary, "
    f"CASE WHEN text IS NULL THEN {_evidence('group_concat', 'article.id')} ELSE '' END, coalesce(text, '') FROM article",
)
_POSTGRESQL = (
    "CREATE TABLE search_index (article_id integer PRIMARY KEY REFERENCES article (id) ON DELETE CASCADE, "
    "document tsvector NOT NULL)",
    "CREATE INDEX ix_search_index_document ON search_index USING gin (document)",
    f"""CREATE FUNCTION search_document(article) RETURNS tsvector LANGUAGE sql STABLE AS $$
    SELECT setweight(to_tsvector('english', $1.title), 'A')
        || setweight(to_tsvector('english', $1.summary || ' ' || CASE WHEN $1.text IS NULL
            THEN {_evidence("string_agg", "$1.id")} ELSE '' END), 'B')
        || setweight(to_tsvector('english', coalesce($1.text, '')), 'D') $$""",
    """CREATE FUNCTION search_article() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO search_index (article_id, document) VALUES (new.id, search_document(new))
        ON CONFLICT (article_id) DO UPDATE SET document = excluded.document;
    RETURN NULL; END $$""",
    """CREATE FUNCTION search_tag() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE search_index SET document = search_document(article) FROM article
        WHERE article.id = search_index.article_id AND article.text IS NULL
        AND article.id = CASE TG_OP WHEN 'DELETE' THEN old.article_id ELSE new.article_id END;
    RETURN NULL; END $$""",
    "CREATE TRIGGER search_article_insert AFTER INSERT ON article FOR EACH ROW EXECUTE FUNCTION search_article()",
    "CREATE TRIGGER search_article_update AFTER UPDATE OF title, summary, text ON article FOR EACH ROW "
    "WHEN (old.title <> new.title OR old.summary <> new.summary OR old.text IS DISTINCT FROM new.text) "
    "EXECUTE FUNCTION search_article()",
    "CREATE TRIGGER search_tag_insert AFTER INSERT ON tag FOR EACH ROW EXECUTE FUNCTION search_tag()",
    "CREATE TRIGGER search_tag_update AFTER UPDATE OF evidence, state, article_id ON tag FOR EACH ROW "
    "EXECUTE FUNCTION search_tag()",
    "CREATE TRIGGER search_tag_delete AFTER DELETE ON tag FOR EACH ROW EXECUTE FUNCTION search_tag()",
    "INSERT INTO search_index (article_id, document) SELECT article.id, search_document(article) FROM article",
)
