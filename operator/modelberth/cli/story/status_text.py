"""One resource, or many, as its status tells it: for people. Pure but for the page that it is put on."""

from datetime import datetime

from modelberth.cli.story.amounts import ago
from modelberth.cli.story.headline import UNSEEN, Headline, Raw, headline
from modelberth.cli.story.next_steps import documented, next_step
from modelberth.cli.story.page import Page
from modelberth.cli.story.standing import brief_weights, standing

NEVER = "it will not go on without a change by a person"
COLUMNS = ("NAME", "READY", "REASON", "REPLICAS", "WEIGHTS", "MESSAGE")


def tell_status(page: Page, resource: Raw, now: datetime) -> None:
    """Headline, what stands, the problem, what to do."""
    told = headline(resource)
    tell_standing(page, resource, now)
    if told.message:
        page.space()
        page.paragraph(told.message, style="red" if told.problem else "")
    if told.stalled:
        page.space()
        page.row("stalled", NEVER)
    tell_next(page, told)


def tell_standing(page: Page, resource: Raw, now: datetime) -> None:
    """Headline, and what the status says beyond it."""
    told = headline(resource)
    page.line((f"{told.namespace}/{told.name}", "bold"), ": ", (_verdict(told, now), _colour(told)))
    for label, text in standing(resource):
        page.row(label, text)


def tell_next(page: Page, told: Headline) -> None:
    """What to do, where there is something to do."""
    if step := next_step(told):
        if not told.stalled:
            page.space()
        page.row("what to do", step, "bold")
        page.row("more", documented(told))


def _verdict(told: Headline, now: datetime) -> str:
    if told.reason == UNSEEN:
        return "no status yet"
    age = ago(told.since, now)
    since = f" for {age}" if age else ""
    if told.ready == "True":
        text = f"Ready{since}, but {told.reason}" if told.problem else f"Ready{since}, {told.reason}"
    else:
        word = "not Ready" if told.problem else "not Ready yet"
        text = f"{word}{since}, {told.reason}"
    text += ", stalled" if told.stalled else ""
    return f"{text}; the spec is newer than this" if told.stale else text


def _colour(told: Headline) -> str:
    if told.well:
        return "bold green"
    return "bold red" if told.problem and told.ready != "True" else "bold yellow"


def tell_list(page: Page, resources: list[Raw], with_namespace: bool) -> None:
    """A line for each; the message as far as its first sentence."""
    rows = [(*(("NAMESPACE",) if with_namespace else ()), *COLUMNS)]
    for resource in sorted(resources, key=lambda each: (each["metadata"]["namespace"], each["metadata"]["name"])):
        told, status = headline(resource), resource.get("status") or {}
        rows.append(
            (
                *((told.namespace,) if with_namespace else ()),
                told.name,
                told.ready,
                told.reason,
                f"{status.get('readyReplicas') or 0}/{status.get('replicas') or 0}",
                brief_weights(status.get("weights") or {}),
                gist(told.message),
            )
        )
    page.listing(rows)


def gist(message: str) -> str:
    """The first sentence."""
    first = message.strip().split("\n", 1)[0]
    # Not within a figure or a name: "0.12 GiB", "org/name.gguf".
    head, stop, _ = first.partition(". ")
    return head + (stop and ".")
