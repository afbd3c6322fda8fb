"""The email as mail programs read it: headers, both forms, one-click unsubscription."""

import re
from dataclasses import replace

import pytest

from flows.publishing import mailer
from models.edition.content import EditionContent
from tests.support import fakes_edition as fakes
from tests.support.fakes_rendering import (
    LINKS,
    SENDER,
    message_of,
    render,
    week_content,  # noqa: F401 - a fixture
)


def test_the_headers_that_mail_programs_ask_for(content: EditionContent) -> None:
    raw = message_of(render(content, LINKS)).as_bytes().split(b"\r\n\r\n")[0].decode("ascii")
    assert (
        "List-Unsubscribe: <https://monitor.example.org/unsubscribe/secret-token-of-forty-three-letters-and-more>,\r\n"
        " <mailto:monitor@example.org?subject=unsubscribe%20secret-token-of-forty-three-letters-and-more>\r\n"
    ) in raw
    assert "\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in raw
    assert "\r\nList-Id: NHS Culture Monitor <nhs-culture-monitor.example.org>\r\n" in raw
    assert "\r\nAuto-Submitted: auto-generated\r\n" in raw
    assert "\r\nDate: Mon, 23 Nov 2026 07:00:00 +0000\r\n" in raw
    assert re.search(r"\r\nMessage-ID: <2026-W47\.[0-9a-f]{32}@example\.org>\r\n", raw)


def test_one_click_is_offered_over_https_alone(content: EditionContent) -> None:
    rendered = render(content)
    for base in ("", "http://monitor.example.org"):
        sender = replace(SENDER, base_url=base)
        message = mailer.build_message(
            rendered, sender, to_address="a@example.org", identity="<x@y>", token="t", now=fakes.MONDAY_7
        )
        assert message["List-Unsubscribe-Post"] is None
        assert "mailto:" in message["List-Unsubscribe"]


def test_the_message_is_the_same_each_time_and_holds_both_forms(content: EditionContent) -> None:
    rendered = render(content, LINKS)
    message = message_of(rendered)
    assert message.as_bytes() == message_of(rendered).as_bytes()
    assert message.get_content_type() == "multipart/alternative"
    plain, page = message.iter_parts()
    assert plain.get_content().replace("\r\n", "\n") == rendered.text
    assert page.get_content().replace("\r\n", "\n").strip() == rendered.html.strip()
    assert max(len(line) for line in message.as_bytes().split(b"\r\n")) <= 998


@pytest.mark.parametrize("sender", ["", "nobody", "a@", "A <a b@example.org>", "x@example.org\r\nBcc: y@example.org"])
def test_a_bad_sender_is_named(sender: str) -> None:
    with pytest.raises(ValueError, match="CULTURE_MAIL_FROM"):
        mailer.parse_sender(sender)
