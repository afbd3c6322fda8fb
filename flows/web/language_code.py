"""The code of a language tag; apart from its users, which import each other."""


def language_code(value: object) -> str | None:
    """The two-letter code of a language tag such as "en-GB"; None where it is none."""
    if not isinstance(value, str):
        return None
    code = value.strip().lower().replace("_", "-").partition("-")[0]
    return code if len(code) == 2 and code.isascii() and code.isalpha() else None
