"""Addresses from elsewhere made fit to stand behind a link."""

import unicodedata
from urllib.parse import urlsplit


def web_address(url: str) -> str:
    """`url` where it is http(s) and holds no blanks or control characters, else nothing: it becomes a link in mail."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        return ""
    return (
        url if usable and all(c > " " and unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zs") for c in url) else ""
    )
