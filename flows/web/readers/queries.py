"""Adding parameters to an API's address without disturbing those that the registry gives."""

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit


def with_parameters(url: str, *, defaults: dict[str, str], required: dict[str, str] | None = None) -> str:
    """`url` with `defaults` where it lacks them, and with `required` in place of its own."""
    parts = urlsplit(url)
    required = required or {}
    pairs = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name not in required]
    given = {name for name, _ in pairs}
    pairs += [(name, value) for name, value in defaults.items() if name not in given]
    pairs += list(required.items())
    return urlunsplit(parts._replace(query=urlencode(pairs), fragment=""))


def parameter(url: str, name: str, default: str = "") -> str:
    """The value of one parameter of `url`."""
    return dict(parse_qsl(urlsplit(url).query)).get(name, default)


def whole(text: object, default: int) -> int:
    """`text` as a whole number; `default` where it is none."""
    if isinstance(text, bool) or not isinstance(text, int | str):
        return default
    digits = str(text)[:12]
    return int(digits) if digits.isascii() and digits.isdigit() else default
