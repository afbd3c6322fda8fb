"""Building one email: the headers that mail programs and list rules ask for, and nothing that a headline could inject."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime, parseaddr
from urllib.parse import quote, urlencode, urlsplit

from flows.publishing.rendering import Rendered
from models.edition.news import PRODUCT
from models.settings import SettingsError
from models.text_safety import plain_line
from models.weeks import LONDON

MAX_SUBJECT = 200  # letters; longer ones are cut by every program, and some servers refuse them
_LIST_NAME = "nhs-culture-monitor"
# Where the standard library breaks a header, it loses the quotation marks around a name with these (RFC 5322, 3.2.3).
_SPECIAL_IN_NAMES = re.compile(r'[()<>\[\]:;@\\,"]')
_ONE_LINE = 60  # letters of name and address that are never broken
_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")


class _MailPolicy(EmailPolicy):
    """Writes the addresses of List-Unsubscribe as they are, one a line, and takes no text for an encoded one.

    The library encodes a long address as if it were a word of Polish, and then no mail program finds it. It also unpacks
    "=?utf-8?q?=0D=0ABcc:…?=" (RFC 2047) where a name or a subject is given to it, line breaks and further headers included.
    """

    def header_store_parse(self, name: str, value: object) -> tuple[str, str]:
        """A header as the message keeps it."""
        kept: tuple[str, str] = super().header_store_parse(name, str(value).replace("=?", "= ?"))
        return kept

    def fold(self, name: str, value: str) -> str:
        """A header as it is written."""
        if name.lower() != "list-unsubscribe":
            folded: str = super().fold(name, value)
            return folded
        return f"{name}: {f',{self.linesep} '.join(str(value).split(', '))}{self.linesep}"

    def fold_binary(self, name: str, value: str) -> bytes:
        """The same in bytes."""
        if name.lower() != "list-unsubscribe":
            binary: bytes = super().fold_binary(name, value)
            return binary
        return self.fold(name, value).encode("ascii")


POLICY = _MailPolicy(linesep=SMTP.linesep)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who the mail is from, and the public address of the archive (or nothing)."""

    name: str
    address: str
    base_url: str = ""

    @property
    def domain(self) -> str:
        """Of the sender's address."""
        return self.address.rpartition("@")[2]


def parse_sender(mail_from: str, base_url: str = "") -> Sender:
    """The sender from `CULTURE_MAIL_FROM`.

    Raises:
        SettingsError: it holds no usable address.
    """
    name, address = parseaddr(mail_from)
    local, at, domain = address.rpartition("@")
    if (
        not mail_from.isprintable()
        or not at
        or not local
        or not _DOMAIN.fullmatch(domain)
        or not address.isascii()
        or any(c.isspace() for c in address)
    ):
        raise SettingsError(
            f"CULTURE_MAIL_FROM: {mail_from!r} holds no email address; write Name <monitor@example.org>"
        )
    return Sender(plain_line(name, 100) or PRODUCT, address, base_url.rstrip("/"))


def message_id(week: str, token: str, domain: str) -> str:
    """Fixed by edition and recipient, so that a message sent again can be known as the same; tells nothing of the token."""
    digest = hashlib.sha256(f"{week} {token}".encode()).hexdigest()[:32]
    return f"<{week}.{digest}@{domain}>"


def unsubscribe_page(sender: Sender, token: str) -> str:
    """Where a recipient leaves with one click; nothing without a base address."""
    return f"{sender.base_url}/unsubscribe/{quote(token, safe='')}" if sender.base_url else ""


def unsubscribe_mail(sender: Sender, token: str | None) -> str:
    """The address to which a mail makes a recipient leave; without a token, a person reads it."""
    subject = f"unsubscribe {token}" if token else "unsubscribe"
    return f"mailto:{sender.address}?{urlencode({'subject': subject}, quote_via=quote)}"


def build_message(
    rendered: Rendered,
    sender: Sender,
    *,
    to_address: str,
    to_name: str = "",
    identity: str,
    token: str | None,
    now: datetime,
) -> EmailMessage:
    """The email. Without a `token` (a test copy, the outbox's sample) one leaves by mail alone."""
    message = EmailMessage(policy=POLICY)
    message["From"] = _address(sender.name, sender.address)
    message["To"] = _address(to_name, to_address)
    message["Subject"] = plain_line(rendered.subject, MAX_SUBJECT)
    message["Date"] = format_datetime(now.astimezone(LONDON))
    message["Message-ID"] = identity
    message["List-Id"] = f"{PRODUCT} <{_LIST_NAME}.{sender.domain}>"
    page = unsubscribe_page(sender, token) if token else ""
    ways = [f"<{page}>"] if page else []
    message["List-Unsubscribe"] = ", ".join([*ways, f"<{unsubscribe_mail(sender, token)}>"])
    if urlsplit(page).scheme == "https":  # RFC 8058 allows one-click over https alone
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: asks holiday answerers to be still
    message["X-Auto-Response-Suppress"] = "OOF, AutoReply"  # the same, for Exchange
    message["Content-Language"] = "en-GB"
    message.set_content(rendered.text, cte="quoted-printable")
    message.add_alternative(rendered.html, subtype="html", cte="quoted-printable")
    # Fixed as well, so that a message sent again is the same to the byte.
    message.set_boundary(f"part-{hashlib.sha256(identity.encode()).hexdigest()[:32]}")
    return message


def _address(name: str, address: str) -> Address:
    shown = plain_line(name, 100)
    if len(shown) + len(address) > _ONE_LINE:
        shown = " ".join(_SPECIAL_IN_NAMES.sub(" ", shown).split())
    local, _, domain = address.rpartition("@")  # given whole, the library refuses a local part that looks encoded
    return Address(display_name=shown, username=local, domain=domain)
