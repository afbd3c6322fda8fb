"""From a sealed edition to the message of each recipient; those who chose the same get the same words."""

import secrets
from dataclasses import replace
from datetime import datetime
from functools import lru_cache

from flows.publishing.layout import view_edition
from flows.publishing.mailer import Sender, build_message, unsubscribe_mail, unsubscribe_page
from flows.publishing.rendering import Rendered, render_email
from flows.publishing.view import Links
from models.edition.choosing import empty_for, for_recipient
from models.edition.content import EditionContent, Selection
from models.store.recipients import Receiver

SELECTIONS_KEPT = 50  # some 100 kB each


class MessageMaker:
    """Builds the messages of one edition: the same recipient gets the same message, byte by byte."""

    def __init__(self, content: EditionContent, sender: Sender) -> None:
        self._content = content
        self._sender = sender
        # In each token's place until the words are somebody's. New each time, so that no story can hold it.
        self._any_token = secrets.token_urlsafe(32)
        self._rendered = lru_cache(maxsize=SELECTIONS_KEPT)(self._render)

    def __call__(self, person: Receiver, identity: str) -> bytes:
        """The message as it is handed over; `identity` is its Message-ID."""
        # Dated by the edition and not by the clock: sent again, it is the same message.
        words = self._rendered(person.selection)
        return address_to(person, words, self._any_token, self._sender, identity, self._content.composed_at)

    def _render(self, selection: Selection) -> Rendered:
        narrowed = for_recipient(self._content, selection) or empty_for(self._content, selection)
        return render_email(view_edition(narrowed, links_of(self._sender, self._content, self._any_token)))


def address_to(person: Receiver, words: Rendered, any_token: str, sender: Sender, identity: str, at: datetime) -> bytes:
    """The message to one reader: what was rendered for all alike, with their token in the place of `any_token`."""
    mine = replace(
        words,
        html=words.html.replace(any_token, person.token),
        text=words.text.replace(any_token, person.token),
    )
    message = build_message(
        mine,
        sender,
        to_address=person.address,
        to_name=person.name,
        identity=identity,
        token=person.token,
        now=at,
    )
    return message.as_bytes()


def links_of(sender: Sender, content: EditionContent, token: str | None = None) -> Links:
    """Where an edition points; without a token one leaves by mail."""
    links, base = own_links(sender, token), sender.base_url
    return replace(links, web=f"{base}/{content.week}.html", archive=f"{base}/index.html") if base else links


def own_links(sender: Sender, token: str | None = None) -> Links:
    """Where a reader leaves and changes what they receive."""
    page = unsubscribe_page(sender, token) if token else ""
    choose = f"{sender.base_url}/preferences/{token}" if page else ""
    return Links(unsubscribe=page or unsubscribe_mail(sender, token), preferences=choose)
