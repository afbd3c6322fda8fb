"""The flows `alert` and `digest-check`: someone is told when a run fails or no digest went out."""

import asyncio
import socket
from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid

import httpx
from prefect import flow, get_run_logger
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowFilter, FlowFilterName
from prefect.client.schemas.objects import State, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from flows.publishing.channels import plain_words
from flows.publishing.mailer import POLICY, parse_sender
from flows.publishing.smtp import Answer, SmtpMailer, parse_smtp_url
from flows.running import sending
from flows.running.prefect_steps import run_address, run_context, run_name, settings_of_run, told_in_one_sentence
from models.channels import load_channels
from models.settings import Settings, SettingsError, mail_addresses
from models.store import deliveries, editions, posts
from models.store.deliveries import DeliveryState
from models.store.editions import Decision
from models.store.recipients import receivers
from models.text_safety import plain_line, plain_lines
from models.weeks import LONDON, Week, utc_now

POST_SECONDS = 20
MAX_MESSAGE = 2000
MAX_ID = 36  # letters of a run's number
LATEST_ALERTS = 50
UNFINISHED = (DeliveryState.PENDING, DeliveryState.SENDING)
TOLD_ALREADY = "an earlier run has told of it"
NOBODY_TO_TELL = "nobody is told: set CULTURE_ALERT_TO or CULTURE_ALERT_WEBHOOK"


@flow(
    name="alert",
    flow_run_name=run_name("alert"),
    description="""Tell the people in charge that a run failed, or that the digest awaits their approval.

Started by the automations “Tell me when a run fails” and “Tell me when the digest waits for my yes”. It mails
CULTURE_ALERT_TO and posts to CULTURE_ALERT_WEBHOOK, whichever is set. Start it by hand to try them out.
""",
)
@told_in_one_sentence
async def alert(
    name: str = "alert", state: str = "Tested", message: str = "This is a test of the alert.", run_id: str = ""
) -> State[None]:
    """Tell the people in charge.

    Args:
        name: The flow.
        state: How it ended, or what it does.
        message: What it said.
        run_id: Its run, for the link.
    """
    if run_id and await _told_already(run_id, state):
        return Completed(message=TOLD_ALREADY)
    settings = settings_of_run()  # nothing else is opened: a broken database or registry may be what is to be told
    subject = plain_line(f"NHS Culture Monitor: {name} {state}", 150)
    said, link = plain_lines(message, MAX_MESSAGE), run_address(plain_line(run_id, MAX_ID)) if run_id else ""
    told = []
    if settings.alert_to:
        told.append(mail(settings, mail_addresses(settings.alert_to), subject, f"{said}\n\n{link}".strip()))
    if settings.alert_webhook is not None:
        words = [plain_words(subject), plain_words(said), link]
        told.append(await _post(settings.alert_webhook.get_secret_value(), words))
    if not told:
        get_run_logger().warning(NOBODY_TO_TELL)
        return Completed(message=NOBODY_TO_TELL)
    failed = [problem for problem in told if problem]
    return Failed(message="; ".join(failed)) if failed else Completed(message=f"Told: {subject}")


@flow(
    name="digest-check",
    flow_run_name=run_name("digest-check"),
    description="""Check that last week's digest went out. It fails, and so is told of, where it did not.

Scheduled for Monday noon. What is pending is sent first. A list without recipients needs no digest, without a mail server
there is only a preview, and what a person held back is not missed.
""",
)
@told_in_one_sentence
async def digest_check() -> State[None]:
    """Check that last week's digest went out."""
    with run_context() as place:
        week = Week.of(place.now).plus(-1)
        sending.send_pending(place.database, place.registry, place.settings, now=place.now)
        with place.database.read() as session:
            people = len(receivers(session=session))
            edition = editions.edition_of(week, session=session)
            counts = deliveries.count_states(edition.id or 0, session=session) if edition else {}
            posted = posts.count_states(edition.id or 0, session=session) if edition else {}
        has_channels = bool(load_channels(place.settings.channels, place.registry, place.settings.own_organisations))
        has_server = place.settings.smtp_url is not None or has_channels
    if edition is None or not edition.sealed:
        if not people and not has_channels:
            return Completed(message=f"{week}: nobody is on the list, so nothing was to be sent")
        if edition is not None and edition.decision == Decision.HELD:
            return Completed(message=f"{week}: {edition.decision_by}")
        if not has_server:
            return Completed(
                message=f"{week}: no mail server is set, so the digest is a preview and nothing was to be sent"
            )
        return Failed(message=f"{week}: no digest went out. Start the flow digest, or see why its last run ended")
    sent, refused, expired, skipped = (
        counts[state]
        for state in (DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.EXPIRED, DeliveryState.SKIPPED)
    )
    waiting = sum(counts[state] for state in UNFINISHED)
    emails = f"{sent} email{'' if sent == 1 else 's'} went out"
    reached = posted[DeliveryState.SENT]
    unposted = sum(posted[state] for state in (*UNFINISHED, DeliveryState.EXPIRED))
    told = "".join(
        f", {count} channel{'' if count == 1 else 's'} {had}"
        for count, had in ((reached, "had it"), (unposted, "had not"))
        if count
    )
    if not waiting and not refused and not expired and not unposted:
        return Completed(message=f"{week}: {emails}{told}")
    if not sent and not skipped and not reached:
        emails = "no digest went out"
    late = f", {expired} out of date" if expired else ""
    return Failed(
        message=f"{week}: {emails}{told}, {waiting} to be tried again and {refused} refused{late}. See the run of digest"
    )


async def _told_already(run_id: str, state: str) -> bool:
    """Whether an earlier run of this flow is about the same: a busy server may tell an automation of one failure twice."""
    async with get_client() as client:
        runs = await client.read_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=["alert"])),
            sort=FlowRunSort.EXPECTED_START_TIME_DESC,
            limit=LATEST_ALERTS,
        )
    about = [run for run in runs if (run.parameters.get("run_id"), run.parameters.get("state")) == (run_id, state)]
    mine = next((run for run in about if str(run.id) == flow_run.id), None)
    return mine is not None and any(
        run.expected_start_time < mine.expected_start_time and run.state_type in {StateType.COMPLETED, StateType.FAILED}
        for run in about
        if run.expected_start_time and mine.expected_start_time
    )


def mail(settings: Settings, to: Sequence[str], subject: str, text: str) -> str:
    """Send one email; what went wrong, or nothing. A wrong setting must not keep the webhook from being told."""
    try:
        return _sent(settings, to, subject, text)
    except SettingsError as error:
        return f"the email was not sent: {error}"


def _sent(settings: Settings, to: Sequence[str], subject: str, text: str) -> str:
    sender = parse_sender(settings.mail_from)
    if settings.smtp_url is None:
        return "the email was not sent: no mail server is set (CULTURE_SMTP_URL)"
    message = EmailMessage(policy=POLICY)
    message["From"] = f"NHS Culture Monitor <{sender.address}>"
    message["To"] = ", ".join(to)
    message["Subject"] = subject
    message["Date"] = format_datetime(utc_now().astimezone(LONDON))
    message["Message-ID"] = make_msgid(domain=sender.domain)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(f"{text}\n\nSent by the NHS Culture Monitor on {socket.gethostname()}.\n")
    wrong = []
    with SmtpMailer(parse_smtp_url(settings.smtp_url.get_secret_value()), sender.address) as mailer:
        for address in to:
            answer = mailer.connect() or mailer.send(message.as_bytes(), address)
            if answer.answer is not Answer.SENT:
                wrong.append(f"the email to {address} was not taken: {answer.detail}")
    return "; ".join(wrong)


async def _post(address: str, words: Sequence[str]) -> str:
    """Post to the webhook, the subject first, in the form that chat services read; what went wrong, or nothing.

    Its address is a secret.
    """
    try:
        # No proxy and no password file of the environment; of the answer, which may be endless, its status alone is read.
        async with asyncio.timeout(POST_SECONDS), httpx.AsyncClient(timeout=POST_SECONDS, trust_env=False) as client:
            posted = {"text": "\n".join(filter(None, words)), "subject": words[0]}
            async with client.stream("POST", address, json=posted) as answer:
                return "" if answer.is_success else f"the webhook answered {answer.status_code}"
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, TimeoutError) as error:  # UnicodeError: a host like xn--a
        return f"the webhook could not be reached ({type(error).__name__})"
