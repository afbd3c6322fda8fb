"""A database as years of running leave it, made by the database itself: so many articles, stories, tags and requests.

A tenth of the articles is in scope, one in twenty is a copy; texts older than four weeks have been purged, as the rights
classes of the press ask. Nothing here is press text.
"""

from datetime import datetime, timedelta

from sqlalchemy import text

from models.rights import load_rights
from models.sources import Registry, Source
from models.store.database import Database
from models.themes import theme_ids

SOURCES = 200
TEXT_DAYS = 28
EVENT_DAYS = 90
MODEL = "synthetic"


def registry() -> Registry:
    """The sources of these articles."""
    sources = tuple(
        Source(id=f"source-{n:03d}", name=f"Source {n}", url=f"https://source-{n:03d}.example/feed")
        for n in range(SOURCES)
    )
    return Registry(sources=sources, rights=load_rights())


def fill(database: Database, *, articles: int, days: int, now: datetime) -> None:
    """Articles spread evenly over the last `days`, the first of them the oldest."""
    sqlite = database.engine.dialect.name == "sqlite"
    start = (now - timedelta(days=days, hours=2)).timestamp()
    values: dict[str, object] = {
        "count": articles,
        "start": start,
        "step": days * 86400 / articles,
        "text_from": articles * (1 - TEXT_DAYS / days),
        "events_from": articles * max(1 - EVENT_DAYS / days, 0),
        "model": MODEL,
    }
    with database.write() as session:
        for statement in _statements(sqlite):
            session.execute(text(statement), values)
    analyse(database)


def analyse(database: Database) -> None:
    """Let the database look at what it holds, as PostgreSQL does by itself."""
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")


def _statements(sqlite: bool) -> list[str]:
    if sqlite:
        numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count) "
        series = "n"
        moment = "strftime('%Y-%m-%d %H:%M:%S.000000', :start + i * :step, 'unixepoch')"
        later = "strftime('%Y-%m-%d %H:%M:%S.000000', :start + i * :step + 5400, 'unixepoch')"
        sketch, false = "randomblob(256)", "0"
    else:
        numbers, series = "", "generate_series(1, :count) AS n(i)"
        moment = "to_timestamp(CAST(:start AS float8) + i * CAST(:step AS float8))"
        later = "to_timestamp(CAST(:start AS float8) + i * CAST(:step AS float8) + 5400)"
        sketch, false = "decode(repeat(md5(CAST(i AS text)), 16), 'hex')", "false"
    source = f"'source-' || substr('00' || CAST(i % {SOURCES} AS varchar), -3, 3)"
    if not sqlite:
        source = f"'source-' || lpad(CAST(i % {SOURCES} AS text), 3, '0')"
    themes = " UNION ALL ".join(f"SELECT {n} AS n, '{theme}' AS id" for n, theme in enumerate(theme_ids()))
    # Every twentieth article is a copy of the one before it.
    story = "CASE WHEN i % 20 = 0 THEN i - 1 ELSE i END"
    words = "'The trust said that it had listened to its staff, report ' || CAST(i AS varchar) || '. '"
    repeat = f"replace(hex(zeroblob(30)), '00', {words})" if sqlite else f"repeat({words}, 30)"
    return [
        f"{numbers}INSERT INTO story (id, lead_article_id, first_seen_at, outlets) "
        f"SELECT i, i, {later}, CASE WHEN i % 20 = 19 THEN 2 ELSE 1 END FROM {series} WHERE i % 20 <> 0 ORDER BY n.i",
        f"{numbers}INSERT INTO article (id, url, source, outlet, title, summary, author, published_at, first_seen_at, "
        "language, text, text_status, words, paywalled, attempts, outcome, fingerprint, in_scope, scope_state, "
        "model_version, story_id) "
        f"SELECT i, 'https://' || {source} || '.example/news/' || CAST(i AS varchar), {source}, "
        f"'Outlet ' || CAST(i % {SOURCES} AS varchar), "
        f"'Leaders of trust ' || CAST(i AS varchar) || ' answer their staff', 'A summary of report ' || CAST(i AS varchar), NULL, "
        f"CASE WHEN i % 50 = 7 THEN NULL ELSE {moment} END, {later}, 'en', "
        f"CASE WHEN i > :text_from THEN {repeat} ELSE NULL END, 'full', 500, {false}, 1, "
        f"CASE WHEN i % 20 = 0 THEN 'copy' ELSE 'new' END, {sketch}, "
        "CASE WHEN i % 20 IN (0, 19) AND (i / 20) % 2 = 0 OR i % 20 = 3 THEN 0.9 ELSE 0.1 END, "
        "CASE WHEN i % 20 IN (0, 19) AND (i / 20) % 2 = 0 OR i % 20 = 3 THEN 'yes' ELSE 'no' END, "
        f":model, {story} FROM {series} ORDER BY n.i",
        "INSERT INTO tag (article_id, theme, score, state, evidence, terms, model_version) "
        f"SELECT article.id, theme.id, 0.8, 'yes', 'The trust said that it had listened to its staff.', '[]', :model "
        f"FROM article JOIN ({themes}) AS theme ON theme.n IN (article.id % 15, (article.id / 20) % 15, (article.id / 7) % 15) "
        "WHERE article.scope_state = 'yes'",
        f"{numbers}INSERT INTO fetch_event (run_id, source, kind, url, started_at, status, bytes, seconds, outcome, detail) "
        f"SELECT NULL, {source}, CASE WHEN i % 8 = 0 THEN 'source' ELSE 'page' END, 'https://source.example/' || CAST(i AS varchar), "
        f"{later}, 200, 100000, 0.3, CASE WHEN i % 8 = 0 THEN 'entries' ELSE 'new' END, '' "
        f"FROM {series} WHERE i > :events_from ORDER BY n.i",
        "INSERT INTO source_state (source, url, failures, last_outcome, last_polled_at, last_success_at, last_new_at, "
        "next_poll_at, interval_seconds) SELECT source, 'https://' || source || '.example/feed', 0, 'entries', "
        "max(first_seen_at), max(first_seen_at), max(first_seen_at), max(first_seen_at), 3600 FROM article GROUP BY source",
        "INSERT INTO model_version (version, trained_at, training_hash, code_version, encoder, file_sha256, scores, state, "
        "reviews_learned, pinned) "
        "VALUES (:model, (SELECT max(first_seen_at) FROM article), 'h', '0', 'tfidf', '', '{}', 'champion', 0, false)",
        *([] if sqlite else [
            "SELECT setval(pg_get_serial_sequence('article', 'id'), :count)",
            "SELECT setval(pg_get_serial_sequence('story', 'id'), :count)",
        ]),
    ]  # fmt: skip
