"""Looks at everything that the monitor needs, and says for each what is wrong and how to mend it. Changes nothing of value."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import starmap
from pathlib import Path

from deployments.prefect_api import answering_api, is_healthy, read_record, ui_of
from flows.publishing.channels import send
from flows.publishing.mailer import parse_sender
from flows.publishing.smtp import Answer, SmtpMailer, parse_smtp_url
from models.channels import load_channels
from models.edition.trend_words import count_things
from models.private_files import find_loose
from models.seeds import DataFileError
from models.settings import BLOCK, ENV_FILE, REGISTRY, Settings, SettingsError
from models.sources import load_registry
from models.store import audit, model_versions, posts, recipients, reviews
from models.store.collecting import source_states
from models.store.database import DatabaseMissingError, open_to_read
from models.store.database_address import DatabaseError
from models.store.model_versions import ModelState
from models.store.source_snapshots import enabled_sources
from models.store.tables import SourceState
from models.tagging.encoders import EncoderMissingError, published_encoder
from models.tagging.published_encoders import has_published_weights
from models.themes import load_themes
from models.weeks import LONDON, utc_now

LOOSE_SHOWN = 3
LEAST_FREE = 500_000_000  # bytes: a year of news is under 1 GB, and a full disk stops a run half-way


class Health(StrEnum):
    """How one thing is."""

    FINE = "fine"
    NOTE = "note"  # works, but a person may want to know
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    health: Health
    words: str
    mend: str = ""


def examine(settings: Settings) -> Iterator[Finding]:
    """Everything in turn; each finding as soon as it is known."""
    checks: tuple[tuple[str, Callable[[Settings], Finding]], ...] = (
        ("settings", _settings),
        ("data folder", _folder),
        ("files", _files),
        ("disk", _disk),
        ("sources", _sources),
        ("themes", _themes),
        ("database", _database),
        ("model", _model),
        ("what is missed", _missed),
        ("email", _email),
        ("recipients", _recipients),
        ("channels", _channels),
        ("Prefect", _prefect),
    )
    for what, check in checks:
        try:
            yield check(settings)
        except (SettingsError, DataFileError, DatabaseError, EncoderMissingError, OSError) as error:
            words, _, mend = str(error).partition("; ")
            yield Finding(what, Health.WRONG, words, mend or "see deployments/README.md")


def _settings(settings: Settings) -> Finding:
    if not settings.contact:
        return Finding(
            "settings", Health.NOTE, "all are readable; CULTURE_CONTACT is empty",
            "give an address or page, so that site owners can reach you instead of blocking you",
        )  # fmt: skip
    return Finding("settings", Health.FINE, "all are readable")


def _folder(settings: Settings) -> Finding:
    folder = settings.data.absolute()
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        return Finding("data folder", Health.WRONG, f"{folder} can't be written", "change its owner, or use --data")
    made = "" if folder.exists() else " (made at the first run)"
    return Finding("data folder", Health.FINE, f"{folder}{made}")


def loose_files(settings: Settings) -> list[Path]:
    """What others may read or change of the data folder and of the files that hold passwords and channels' addresses."""
    return find_loose(settings.data, *filter(None, (Path(ENV_FILE), settings.data / "culture.db", settings.channels)))


def _files(settings: Settings) -> Finding:
    loose = loose_files(settings)
    if not loose:
        return Finding("files", Health.FINE, "what is in the data folder is its owner's alone")
    which = ", ".join(str(path) for path in loose[:LOOSE_SHOWN])
    more = f" and {len(loose) - LOOSE_SHOWN} more" if len(loose) > LOOSE_SHOWN else ""
    return Finding(
        "files", Health.NOTE, f"others on this machine may read or change {which}{more}",
        "culture-monitor doctor --fix makes them their owner's alone: they hold addresses, passwords or texts",
    )  # fmt: skip


def _disk(settings: Settings) -> Finding:
    folder = settings.data.absolute()
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(nearest).free
    words = f"{free / 1e9:.1f} GB free"
    if free < LEAST_FREE:
        return Finding("disk", Health.WRONG, words, "make room: under 0.5 GB a run may stop half-way")
    return Finding("disk", Health.FINE, words)


def _sources(settings: Settings) -> Finding:
    registry = load_registry(settings.sources)
    where = str(settings.sources) if settings.sources else "the registry that is shipped"
    enabled = len(registry.enabled())
    if not enabled:
        return Finding("sources", Health.WRONG, f"{where}: none is enabled", "set enabled = true for at least one")
    words = f"{where}: {enabled} enabled of {len(registry.sources)}"
    if settings.sources == settings.data / REGISTRY:  # a copy: what later releases ship is not in it by itself
        missing = load_registry().by_id().keys() - registry.by_id().keys()
        words += f" ({len(missing)} that are shipped are not in it)" if missing else ""
    watched = _watched(settings)
    if not watched:
        return Finding("sources", Health.FINE, words)
    failing = {name: state for name, state in watched.items() if state is not None and state.failures}
    words += f"; the last run watched {len(watched)}, {len(failing)} of which failed when last asked"
    if watched.keys() != {source.id for source in registry.enabled()}:
        return Finding(
            "sources", Health.NOTE, f"{words}, and they are not those of this registry",
            "the next run with it watches its sources instead; what is stored is shown as it was known",
        )  # fmt: skip
    if failing:
        return Finding(
            "sources", Health.NOTE, f"{words}: {', '.join(starmap(_failing, failing.items()))}",
            "culture-monitor sources check ID... --write looks for new addresses, and switches off what is gone",
        )  # fmt: skip
    return Finding("sources", Health.FINE, words)


def _failing(source_id: str, state: SourceState) -> str:
    since = f" since {state.failing_since.astimezone(LONDON):%-d %b}" if state.failing_since else ""
    return f"{source_id} ({state.last_outcome}{since})"


def _watched(settings: Settings) -> dict[str, SourceState | None]:
    """The sources that the last run watched, with how they answered; none without a database, or before a run."""
    try:
        with open_to_read(settings.database_address) as database, database.read() as session:
            states = source_states(session=session)
            return {row.source: states.get(row.source) for row in enabled_sources(session=session)}
    except DatabaseError:
        return {}  # the finding on the database says so


def _themes(settings: Settings) -> Finding:
    return Finding("themes", Health.FINE, f"{len(load_themes())}, as the review has them")


def _database(settings: Settings) -> Finding:
    try:
        with open_to_read(settings.database_address) as database:
            return Finding("database", Health.FINE, f"{database.label}, schema up to date")
    except DatabaseMissingError:
        return Finding("database", Health.NOTE, "not there yet", "the first run makes it")


def _model(settings: Settings) -> Finding:
    encoder = _encoder(settings)
    try:
        with open_to_read(settings.database_address) as database, database.read() as session:
            champion = model_versions.champion(session=session)
            pinned = model_versions.pinned(session=session)
            others = [v.version for v in model_versions.all_versions(session=session) if v.state == ModelState.RETIRED]
            reviewed = reviews.count_since(None, session=session)
            new = reviews.count_since(champion.reviews_until if champion else None, session=session)
    except DatabaseMissingError:
        champion, pinned, others, reviewed, new = None, None, [], 0, 0
    if champion is None:
        learns = f"; {reviewed} verdicts of people wait to be learned from" if reviewed else ""
        return Finding("model", Health.NOTE, f"none yet; {encoder}{learns}", "trained at the first run that finds news")
    chosen = pinned or champion
    learned = f"learned from {count_things(champion.reviews_learned, 'reviewed article')}"
    learned += f", {new} later verdict{'' if new == 1 else 's'} not learned yet" if new else ""
    words = f"version {champion.version} ({champion.encoder}), {learned}"
    if pinned is not None and pinned.version == champion.version:
        words += "; a person went back to it"
    elif pinned is not None:
        words += f"; it stands in for {pinned.version}, to which a person went back"
    from flows.tagging.open_tagger import unusable  # here: scikit-learn takes over a second

    problem = unusable(chosen, settings, pinned=pinned is not None)
    if problem and chosen.version == champion.version:
        had = f"the {count_things(chosen.reviews_learned, 'reviewed article')} that it had"
        from_what = had if pinned else "all reviews but the held-out fifth"
        return Finding(
            "model", Health.NOTE, f"{words}: {problem}",
            f"the next run with something to tag trains one in its place, from the seeds and {from_what}",
        )  # fmt: skip
    older = f"; {len(others)} to go back to" if others else ""
    return Finding("model", Health.FINE, f"{words}; {encoder}{older}")


def _encoder(settings: Settings) -> str:
    name = published_encoder(settings.encoder)
    if name is None:
        return f"encoder {settings.encoder}"
    there = has_published_weights(settings.models_folder / name, name)
    return "the encoder's files are there" if there else "the encoder's files are fetched at first use"


def _missed(settings: Settings) -> Finding:
    try:
        with open_to_read(settings.database_address) as database, database.read() as session:
            words = audit.describe(utc_now(), session=session)
    except DatabaseMissingError:
        words = "not known before there is news; each week some of it is drawn for a person to check"
    return Finding("what is missed", Health.FINE, words)


def _email(settings: Settings) -> Finding:
    sender = parse_sender(settings.mail_from, settings.base_url)
    if settings.smtp_url is None:
        return Finding(
            "email", Health.NOTE, f"no server is set: each edition is a preview in {settings.outbox}, sent to nobody",
            "set CULTURE_SMTP_URL to send it",
        )  # fmt: skip
    if settings.smtp_url.get_secret_value().startswith(BLOCK):
        return Finding(
            "email", Health.NOTE, f"the server's address is in Prefect's {settings.smtp_url.get_secret_value()}"
        )
    address = parse_smtp_url(settings.smtp_url.get_secret_value())
    answer = SmtpMailer(address, sender.address).check()
    if answer.answer is not Answer.SENT:
        return Finding(
            "email", Health.WRONG, f"{address.host}:{address.port}: {answer.detail}",
            "check host, port, user and password in CULTURE_SMTP_URL",
        )  # fmt: skip
    login = "login accepted" if address.user else "answers, no login is set"
    return Finding("email", Health.FINE, f"{address.host}:{address.port}: {login}; from {sender.address}")


def _recipients(settings: Settings) -> Finding:
    try:
        with open_to_read(settings.database_address) as database, database.read() as session:
            count = len(recipients.receivers(session=session))
    except DatabaseMissingError:
        return Finding("recipients", Health.NOTE, "none yet", "culture-monitor recipients add ADDRESS")
    if not count:
        return Finding(
            "recipients", Health.NOTE, "nobody receives the digest", "culture-monitor recipients add ADDRESS"
        )
    return Finding("recipients", Health.FINE, f"{count} receive the digest")


def _channels(settings: Settings) -> Finding:
    channels = load_channels(settings.channels, load_registry(settings.sources), settings.own_organisations)
    if not channels:
        return Finding("channels", Health.FINE, "none is set")
    unusable = [f"{channel.name}: {problem}" for channel in channels if (problem := send(channel, settings))]
    if unusable:
        return Finding("channels", Health.WRONG, ", ".join(unusable), f"write them anew in {settings.channels}")
    words = f"{len(channels)}: {', '.join(channel.name for channel in channels)}"
    try:
        with open_to_read(settings.database_address) as database, database.read() as session:
            failing = [f"{post.channel} ({post.error})" for post in posts.all_waiting(session=session) if post.error]
    except DatabaseMissingError:
        failing = []
    if failing:
        return Finding(
            "channels", Health.NOTE, f"{words}; an edition waits for {', '.join(failing)}",
            "each scheduled run tries again; look whether the address is still in use",
        )  # fmt: skip
    return Finding("channels", Health.FINE, words)


def _prefect(settings: Settings) -> Finding:
    given, found = os.environ.get("PREFECT_API_URL", "").strip().rstrip("/"), answering_api(settings)
    if given and found != given and not is_healthy(given):
        return Finding(
            "Prefect", Health.WRONG, f"nothing answers at PREFECT_API_URL ({given})",
            "start that server, or unset it and use culture-monitor start",
        )  # fmt: skip
    if found is None:
        was = read_record(settings)
        words = f"the server at {was.api} no longer answers" if was else "no server runs"
        return Finding("Prefect", Health.NOTE, words, "culture-monitor start, for schedules and the UI")
    return Finding("Prefect", Health.FINE, f"answers; the UI is at {ui_of(found)}")
