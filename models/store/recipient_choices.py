"""What a recipient chose to receive: checked, changed only where something is said, and told in words."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import TypedDict

from models.edition.content import Selection
from models.edition.short import WATCHED
from models.errors import UserError
from models.organisations import Organisations, load_organisations, plain_name
from models.sources import NATION_NAMES, SECTOR_NAMES, Registry
from models.store.tables import Recipient
from models.text_safety import plain_line
from models.themes import theme_id, theme_ids

MAX_NAME = 100


class RecipientError(UserError, ValueError):
    """A recipient can't be added, changed or found; the message names the value and the mend."""


class Choices(TypedDict, total=False):
    """What a recipient may choose; what is not given, or None, stays as it is, and an empty list means all (or none watched).

    Nations and sectors are those that the monitor ships with and those of the `registry`; `watch` holds ids, names or ODS
    codes of `organisations`, of those that the monitor ships with where none are given. `alerts` holds themes by id or name,
    and `models.edition.short.WATCHED` for the organisations that they watch.
    """

    name: str | None
    themes: Sequence[str] | None
    nations: Sequence[str] | None
    sectors: Sequence[str] | None
    send_empty: bool | None
    watch: Sequence[str] | None
    daily: bool | None
    alerts: Sequence[str] | None
    registry: Registry | None
    organisations: Organisations | None


def choose(recipient: Recipient, choices: Choices) -> None:
    """Change the choices that are given.

    Raises:
        RecipientError: a theme, nation, sector or organisation is unknown, or alerts are asked for of a theme that they would
            not receive.
    """
    themes, nations, sectors = choices.get("themes"), choices.get("nations"), choices.get("sectors")
    selection = check_selection(themes or (), nations or (), sectors or (), choices.get("registry"))
    watch = choices.get("watch")
    watched = find_watched(watch or (), choices.get("organisations"), recipient.watch)
    alerts = choices.get("alerts")
    receives = recipient.themes if themes is None else list(selection.themes)
    alerted = list(recipient.alerts) if alerts is None else check_alerts(alerts)
    if alerts is not None or themes is not None:
        for theme in alerted:
            if theme != WATCHED and receives and theme not in receives:
                raise RecipientError(
                    f"alerts on {theme!r} are asked for, which is not among the themes that they receive"
                )
    if (name := choices.get("name")) is not None:
        recipient.name = plain_line(name, MAX_NAME)
    if themes is not None:
        recipient.themes = list(selection.themes)
    if nations is not None:
        recipient.nations = list(selection.nations)
    if sectors is not None:
        recipient.sectors = list(selection.sectors)
    if watch is not None:
        recipient.watch = watched
    if alerts is not None:
        recipient.alerts = alerted
    if (daily := choices.get("daily")) is not None:
        recipient.daily = daily
    if (send_empty := choices.get("send_empty")) is not None:
        recipient.send_empty = send_empty


def is_said(choices: Choices) -> bool:
    """Whether anything is given that would be changed."""
    return any(value is not None for key, value in choices.items() if key not in {"registry", "organisations"})


def check_alerts(named: Sequence[str]) -> list[str]:
    """What alerts are for, each once: `WATCHED` first, then themes by their ids.

    Raises:
        RecipientError: a theme is unknown.
    """
    themes = check_selection([one for one in named if one != WATCHED], (), ()).themes
    return [*([WATCHED] if WATCHED in named else []), *themes]


def find_watched(named: Sequence[str], organisations: Organisations | None, watched: Sequence[str] = ()) -> list[str]:
    """The ids of these organisations, each once; of a merged one, of those that it lives on in.

    Who is `watched` already stays, though the list knows them no more.

    Raises:
        RecipientError: one is unknown, or gone without a successor; the message names what is alike.
    """
    if not named:
        return []
    organisations = organisations if organisations is not None else load_organisations()
    found: list[str] = []
    for what in named:
        organisation = organisations.find(what.strip())
        if what in watched and (organisation is None or not organisations.heirs(organisation.id)):
            found.append(what)
            continue
        if organisation is None:
            known = {plain_name(name): one.name for one in organisations.values() for name in (one.id, *one.names)}
            near = list(dict.fromkeys(known[name] for name in get_close_matches(plain_name(what), known, n=3)))
            hint = f"did you mean {' or '.join(near)}?" if near else "`culture-monitor organisations list` shows all"
            raise RecipientError(f"organisation {what!r} is not known; {hint}")
        heirs = organisations.heirs(organisation.id)
        if not heirs:
            raise RecipientError(f"{organisation.name} has closed and nothing took it over: it can't be watched")
        found += [heir.id for heir in heirs]
    return list(dict.fromkeys(found))


def choices_of(recipient: Recipient) -> tuple[object, ...]:
    """Everything that a recipient chose, to be compared."""
    return (
        recipient.name,
        list(recipient.themes),
        list(recipient.nations),
        list(recipient.sectors),
        list(recipient.watch),
        recipient.daily,
        list(recipient.alerts),
        recipient.send_empty,
    )


def choices_in_words(recipient: Recipient) -> str:
    """What a recipient receives, in full; without address and name, so that it may be logged."""
    parts = [
        f"{what}: {', '.join(chosen) or 'all'}"
        for what, chosen in (
            (
                "themes",
                [theme if theme in theme_ids() else f"{theme} (no longer in use)" for theme in recipient.themes],
            ),
            ("nations", recipient.nations),
            ("sectors", recipient.sectors),
        )
    ]
    if recipient.watch:
        parts.append(f"first of all what is about: {', '.join(recipient.watch)}")
    parts.append(f"how often: {how_often(recipient)}")
    parts.append(f"alerts: {alerts_in_words(recipient)}")
    return f"{'; '.join(parts)}; in a week without news: {'an email, too' if recipient.send_empty else 'none'}"


def how_often(recipient: Recipient) -> str:
    """ "weekly", or "daily and weekly"."""
    return "daily and weekly" if recipient.daily else "weekly"


def alerts_in_words(recipient: Recipient) -> str:
    """Of what they are told at once."""
    watched = f"organisations that they watch{'' if recipient.watch else ' (none so far, so none is sent)'}"
    return ", ".join(watched if one == WATCHED else one for one in recipient.alerts) or "none"


def check_selection(
    themes: Sequence[str], nations: Sequence[str], sectors: Sequence[str], registry: Registry | None = None
) -> Selection:
    """The choices, each once; a theme by its id or name.

    Raises:
        RecipientError: one is unknown; the message lists those that are known.
    """
    sources = registry.sources if registry else ()
    themes = [theme_id(theme) for theme in themes]
    for what, given, known in (
        ("theme", themes, theme_ids()),
        ("nation", nations, sorted({*NATION_NAMES, *(source.nation for source in sources)})),
        ("sector", sectors, sorted({*SECTOR_NAMES, *(source.sector for source in sources)})),
    ):
        for value in given:
            if value not in known:
                raise RecipientError(f"{what} {value!r} is not known; use one of {', '.join(known)}")
    order = [theme for theme in theme_ids() if theme in themes]
    return Selection(tuple(order), tuple(dict.fromkeys(nations)), tuple(dict.fromkeys(sectors)))
