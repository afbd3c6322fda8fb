"""The flows `edit-edition` and `draft-edition`: a person changes the digest before it goes, and is told when they can."""

from typing import Annotated

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed
from pydantic import Field

from flows.alert import mail
from flows.digest import NamedWeek
from flows.publishing import editing
from flows.publishing.editing import EditResult
from flows.running import sending
from flows.running.artifacts import publish_edition
from flows.running.markdown import escape
from flows.running.prefect_steps import form_address, run_context, run_name, told_in_one_sentence
from flows.running.theme_choices import ThemeChoice, ids
from models.edition.edits import MAX_HEADLINE, MAX_NOTE, MAX_WORDS, Wanted
from models.reviews import MAX_REVIEWER
from models.settings import mail_addresses
from models.weeks import Week

FORM = "edit-edition/edit-edition"

Editor = Annotated[str, Field(max_length=MAX_REVIEWER)]
EditorsNote = Annotated[str, Field(max_length=MAX_NOTE)]
Sentence = Annotated[str, Field(max_length=MAX_WORDS)]
Headline = Annotated[str, Field(max_length=MAX_HEADLINE)]
Named = Annotated[str, Field(max_length=4000)]
OneTheme = Annotated[tuple[ThemeChoice, ...], Field(max_length=1)]


@flow(
    name="edit-edition",
    flow_run_name=run_name("edit-edition"),
    description="""Edit the coming digest before it goes: a note, leave out, lead, move, add, undo. What is left empty changes nothing.

Look at **edition** under Artifacts: each story shows its number, and each edit the number by which it is undone. A form
with nothing filled in shows the draft. Who edits is named in the edition. After an approval, it is asked for anew; once the
edition has been sent, nothing can be edited.
""",
)
@told_in_one_sentence
async def edit_edition(
    editor: Editor = "",
    note: EditorsNote = "",
    leave_out: tuple[Named, ...] = (),
    lead: Named = "",
    move: Named = "",
    to: OneTheme = (),
    add: Named = "",
    sentence: Sentence = "",
    headline: Headline = "",
    outlet: Headline = "",
    under: OneTheme = (),
    undo: tuple[int, ...] = (),
    named_week: NamedWeek = "",
) -> State[None]:
    """Edit the coming digest.

    Args:
        editor: Your name, which is printed in the edition. Needed for every edit.
        note: At the top, in place of an earlier note. Markdown: emphasis, links, lists; at most 600 letters.
        leave_out: Stories by number or address. This is no judgement of their scope.
        lead: The story that comes first and gives the subject, by number or address.
        move: A story that belongs under another theme, by number or address. This is a review of both themes, too.
        to: The theme to which it is moved.
        add: A story by its address or number: one that is stored, or one that was never collected.
        sentence: Of the story that is added, in your words; shown as yours, not as a quotation.
        headline: Of an address that was never collected.
        outlet: Who published an address that was never collected.
        under: The theme under which it is added; none: below the themes.
        undo: Numbers of edits.
        named_week: As 2026-W47. Empty: the last complete week until it has been sent, then this one.
    """
    wanted = Wanted(
        editor=editor,
        note=note,
        leave_out=leave_out,
        lead=lead,
        move=move,
        to="".join(ids(to)),
        add=add,
        sentence=sentence,
        headline=headline,
        outlet=outlet,
        under="".join(ids(under)),
        undo=undo,
    )
    result = await _edit(wanted, named_week)
    return Completed(message=result.summary)


@flow(
    name="draft-edition",
    flow_run_name=run_name("draft-edition"),
    description="""Draft last week's digest, so that a person can edit it before it goes, and tell them.

Scheduled for Monday 05:00. It mails CULTURE_EDITOR_TO, where that is set. The digest of 07:00 is composed anew, with the
news that has come and all edits; with CULTURE_APPROVAL what is approved is what is sent.
""",
)
@told_in_one_sentence
async def draft_edition() -> State[None]:
    """Draft last week's digest and tell the editors."""
    result = await _edit(Wanted(), "")
    if result.sealed or not result.draft.content.complete:
        return Completed(message=f"{result.draft.week}: nothing to draft, the digest has been sent")
    with run_context() as place:
        settings = place.settings
    if not (editors := mail_addresses(settings.editor_to)):
        return Completed(message=result.summary)
    form = await form_address(FORM)
    text = (
        f"{result.draft.subject}\n\n{result.summary}.\n\n"
        f"Look at the artifact edition, then edit in the form edit-edition: {form}\n"
        "Or: culture-monitor edit --by NAME --leave-out ARTICLE --note TEXT\n\n"
        "The digest is composed with all that is edited before it goes."
    )
    problem = mail(settings, editors, f"NHS Culture Monitor: {result.draft.week} can be edited", text)
    return Failed(message=f"{result.summary}; {problem}") if problem else Completed(message=f"{result.summary}; told")


async def _edit(wanted: Wanted, named_week: str) -> EditResult:
    with run_context() as place:
        week: Week | None = sending.week_of_digest(named_week, place.now) if named_week else None
        result = editing.edit_edition(place.database, place.registry, place.settings, wanted, week=week, now=place.now)
    form = await form_address(FORM)
    lines = [f"- {escape(line)}" for line in result.lines]
    how = f"[Edit it]({form}) in the form edit-edition." if form else "Edit it in the form edit-edition."
    await publish_edition(result.draft.content, result.summary, "\n".join([how, "", *lines]))
    get_run_logger().info("%s", "; ".join(result.done) or result.summary)
    return result
