"""What tests put into a database by hand."""

from sqlmodel import Session

from models.store.tables import Article, Story


def add_lead(article: Article, *, session: Session) -> int:
    """Store an article that leads a story of its own; its id."""
    story = Story(first_seen_at=article.first_seen_at)
    session.add(story)
    session.flush()
    article.story_id = story.id
    session.add(article)
    session.flush()
    assert article.id is not None
    story.lead_article_id = article.id
    return article.id
