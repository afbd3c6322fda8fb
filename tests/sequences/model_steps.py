"""What happens to decisions and models: reviews, upgrades, training, purges. See `steps`."""

import asyncio
import json
from datetime import timedelta
from random import Random

from sqlmodel import col, select

from flows.publishing import erasure
from flows.tagging import open_tagger
from flows.tagging.training import train
from models.reviews import IN_SCOPE, check_decision
from models.store import model_versions, recipients, reviews
from models.store.tables import Article, ModelVersion
from models.themes import theme_ids
from tests.sequences.world import World

THEMES = theme_ids()


def _an_article(world: World, chance: Random) -> Article | None:
    with world.database.read() as session:
        found = session.exec(select(Article).order_by(col(Article.id).desc()).limit(12)).all()
    return chance.choice(found) if found else None


def review(world: World, chance: Random) -> str:
    article = _an_article(world, chance)
    if article is None:
        return "nothing to review"
    scope = chance.choice([None, None, True, False])
    some = chance.sample(THEMES, 2)
    themes, others = (
        ([], some[:1]) if scope is False else (some[: chance.randint(0, 1)], some[1 : 1 + chance.randint(0, 1)])
    )
    if scope is None and not themes and not others:
        themes = some[:1]
    if chance.random() < 0.2:
        options = [option for one in themes for option in ("--theme", one)]
        options += [option for one in others for option in ("--not-theme", one)]
        options += [] if scope is None else ["--in-scope" if scope else "--out-of-scope"]
        world.command("review", "add", str(article.id), *options, "--reviewer", "Ada")
    else:
        with world.database.write() as session:
            decision = check_decision(in_scope=scope, themes=themes, not_themes=others, reviewer="Ada")
            reviews.record(session.get_one(Article, article.id), decision, world.now, session=session)
    said = ({} if scope is None else {IN_SCOPE: scope}) | dict.fromkeys(themes, True) | dict.fromkeys(others, False)
    world.memory.said += [(article.id or 0, theme, verdict) for theme, verdict in said.items()]
    world.now += timedelta(minutes=1)
    return f"a review of article {article.id}: {said}"


def upgrade(world: World, chance: Random) -> str:
    world.builds.become(1 - world.builds.number)
    world.reopen()
    return f"it is build {world.builds.number}"


def encoder_gone(world: World, chance: Random) -> str:
    """What tags was made with an encoder that is not there any more."""
    with world.database.write() as session:
        row = model_versions.champion(session=session)
        if row is None or row.pinned:
            return "no model"
        row.encoder = "minilm"
        session.add(row)
    facts = world.settings.models_folder / row.version / "model.json"
    facts.write_text(json.dumps({**json.loads(facts.read_text()), "encoder": "minilm"}), encoding="utf-8")
    return f"the encoder of {row.version} is gone"


def purge(world: World, chance: Random) -> str:
    registry = world.registry()
    world.job(lambda: asyncio.run(erasure.upkeep(world.database, registry, world.settings, now=world.now)))
    for person in world.memory.people.values():
        long_ago = person.left_at is not None and person.left_at <= world.now - recipients.ERASE_AFTER
        person.erased |= long_ago and not person.active
    return "upkeep"


def learn(world: World, chance: Random) -> str:
    world.told.trained = world.job(
        lambda: train(world.database, world.settings, now=world.now, force=chance.random() < 0.3)
    )
    return f"train: {world.told.trained.notes[-1:] if world.told.trained else 'killed'}"


def roll_back(world: World, chance: Random) -> str:
    with world.database.read() as session:
        versions = sorted(row.version for row in session.exec(select(ModelVersion)))
    if not versions:
        return "no model"
    version = chance.choice(versions)
    try:
        open_tagger.roll_back(world.database, world.settings, version)
    except ValueError as error:
        return f"no going back: {error}"
    world.memory.pinned = version
    return f"back to {version}"
