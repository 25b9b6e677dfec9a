"""The whole story for people: the status, and what a person would look up besides."""

from datetime import datetime

from modelberth.cli.story.amounts import ago, count_of, joined
from modelberth.cli.story.events import events_of
from modelberth.cli.story.headline import headline
from modelberth.cli.story.next_steps import documented, next_step
from modelberth.cli.story.page import INDENT, Page
from modelberth.cli.story.pods import Container, Pod, pods_of
from modelberth.cli.story.remarks import remarks
from modelberth.cli.story.seen import Log, Seen
from modelberth.cli.story.status_text import NEVER, tell_standing
from modelberth.cli.story.surroundings import Progress, claims, endpoints, progress, quota_lines

MAX_LINE = 400
"""Characters of a log line that are shown."""
REVISION_LENGTH = 8
POD_COLUMNS = ("POD", "READY", "STATE", "RESTARTS", "AGE", "NODE", "REVISION")


def tell_diagnosis(page: Page, seen: Seen, now: datetime) -> None:
    """Everything, and at its end what is wrong and what to do."""
    pods = pods_of(seen)
    tell_standing(page, seen.resource, now)
    _tell_pods(page, seen, pods, now)
    _tell_surroundings(page, seen)
    _tell_events(page, seen, now)
    for log in seen.logs:
        _tell_log(page, log)
    if seen.unseen:
        page.heading("Not looked up")
        for line in seen.unseen:
            page.paragraph(line, style="yellow")
    _tell_conclusion(page, seen, pods, now)


def _tell_pods(page: Page, seen: Seen, pods: list[Pod], now: datetime) -> None:
    page.heading("Pods")
    if not pods:
        page.paragraph("not looked up" if "pods" in seen.refused else "none")
        return
    page.listing([POD_COLUMNS, *(_pod_row(pod, now) for pod in pods)], INDENT)
    shown = {(log.pod, log.container) for log in seen.logs}
    for pod in pods:
        _tell_pod(page, pod, shown, now)


def _pod_row(pod: Pod, now: datetime) -> tuple[str, ...]:
    revision = pod.revision[:REVISION_LENGTH] + ("" if pod.newest else " (older)")
    counted = f"{pod.ready_containers}/{pod.containers}"
    return (
        pod.name,
        counted,
        pod.state,
        str(pod.restarts),
        ago(pod.created, now) or "-",
        pod.node or "-",
        revision if pod.role == "engine" else f"reads {pod.role}" if pod.role == "facts" else "prefetches",
    )


def _tell_pod(page: Page, pod: Pod, shown: set[tuple[str, str]], now: datetime) -> None:
    """``shown``: pods and containers whose log is on the page."""
    noteworthy = [each for each in pod.details if each.noteworthy]
    if pod.message or noteworthy:
        page.space()
    if pod.message:
        page.paragraph(f"{pod.name}: {pod.message}")
    for each in noteworthy:
        page.paragraph(f"{pod.name}, container {each.name}: {_state(each, now)}")
        if each.ended and each.ended.exit_code != 0 and (pod.name, each.name) not in shown:
            page.paragraph(each.ended.words, indent=4, style="dim")


def _state(container: Container, now: datetime) -> str:
    ended = container.ended
    words = [container.state + (f" ({container.message})" if container.message and ended is None else "")]
    if container.restarts:
        words.append(f"restarted {count_of(container.restarts, 'time')}")
    if ended:
        age = ago(ended.at, now)
        words.append(f"ended {age} ago with {ended.meaning}" if age else f"ended with {ended.meaning}")
    return joined(words)


def _tell_surroundings(page: Page, seen: Seen) -> None:
    page.heading("Around it")
    told = progress(seen.deployment)
    if told is not None:
        page.row("Deployment", _progress(told))
    elif "deployment" not in seen.refused:
        page.row("Deployment", "none")
    if seen.service is not None or seen.slices:
        found = endpoints(seen.slices)
        words = joined(
            [
                f"{count_of(found.ready, 'endpoint')} ready" if "endpoints" not in seen.refused else None,
                f"{found.not_ready} not ready" if found.not_ready else None,
                f"{found.terminating} terminating" if found.terminating else None,
                "requests go to the activator" if found.activator else None,
            ]
        )
        page.row("Service", words or "there")
    elif "service" not in seen.refused:
        page.row("Service", "none")
    for claim in claims(seen):
        parts = [claim.phase, claim.capacity, "/".join(claim.access_modes), claim.storage_class]
        page.row("claim", f"{claim.name}: {joined(parts)}")
    for line in quota_lines(seen.quotas):
        page.row("quota", f"{line.quota}: {line.resource}, {line.used} of {line.hard} used")


def _progress(told: Progress) -> str:
    counts = f"{told.wanted} asked for, {told.there} there, {told.updated} of the newest revision, {told.ready} ready"
    return counts if told.seen else f"{counts}; its controller has not seen the newest template"


def _tell_events(page: Page, seen: Seen, now: datetime) -> None:
    page.heading("Events, the newest last")
    told = events_of(seen)
    if not told:
        page.paragraph("not looked up" if "events" in seen.refused else "none (Kubernetes keeps them for an hour)")
        return
    page.table(
        (
            ago(event.last, now) or "-",
            "!" if event.warning else " ",
            event.reason + (f" x{event.count}" if event.count > 1 else ""),
            event.kind,
            " ".join(event.message.split()),
        )
        for event in told
    )


def _tell_log(page: Page, log: Log) -> None:
    run = " (the run before)" if log.previous else ""
    page.heading(f"Last words of {log.pod}, container {log.container}{run}")
    if not log.lines:
        page.paragraph("none")
    for line in log.lines:
        page.paragraph((line if len(line) <= MAX_LINE else f"{line[:MAX_LINE]} ...") or " ", style="dim")


def _tell_conclusion(page: Page, seen: Seen, pods: list[Pod], now: datetime) -> None:
    told = headline(seen.resource)
    found = list(remarks(seen, pods, now))
    page.heading("What is wrong" if told.problem or found else "What is going on")
    if told.problem and told.message:
        stalled = f", and {NEVER}" if told.stalled else ""
        page.paragraph(f"{told.reason}{stalled}:")
        page.paragraph(told.message, indent=4, style="red")
    elif told.message:
        page.paragraph(told.message)
    for remark in found:
        page.paragraph(remark, style="yellow")
    if step := next_step(told):
        page.heading("What to do")
        page.paragraph(step, style="bold")
        page.paragraph(f"More: {documented(told)}")
