"""What a recipient chose to receive: checked, changed only where something is said, and told in words."""

from collections.abc import Sequence

from models.edition.content import Selection
from models.errors import UserError
from models.sources import NATION_NAMES, SECTOR_NAMES, Registry
from models.store.tables import Recipient
from models.text_safety import plain_line
from models.themes import theme_id, theme_ids

MAX_NAME = 100


class RecipientError(UserError, ValueError):
    """A recipient can't be added, changed or found; the message names the value and the mend."""


def choose(
    recipient: Recipient,
    name: str | None,
    themes: Sequence[str] | None,
    nations: Sequence[str] | None,
    sectors: Sequence[str] | None,
    send_empty: bool | None,
    registry: Registry | None,
) -> None:
    """Change the choices that are given (not None); an empty list means all.

    Raises:
        RecipientError: a theme, nation or sector is unknown.
    """
    selection = check_selection(themes or (), nations or (), sectors or (), registry)
    if name is not None:
        recipient.name = plain_line(name, MAX_NAME)
    if themes is not None:
        recipient.themes = list(selection.themes)
    if nations is not None:
        recipient.nations = list(selection.nations)
    if sectors is not None:
        recipient.sectors = list(selection.sectors)
    if send_empty is not None:
        recipient.send_empty = send_empty


def choices_of(recipient: Recipient) -> tuple[object, ...]:
    """Everything that a recipient chose, to be compared."""
    return (
        recipient.name,
        list(recipient.themes),
        list(recipient.nations),
        list(recipient.sectors),
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
    return f"{'; '.join(parts)}; in a week without news: {'an email, too' if recipient.send_empty else 'none'}"


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
