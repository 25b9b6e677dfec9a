"""What is said on standard error: whatever the answer on standard output leaves out."""

from collections.abc import Iterator

from modelberth.cli.inputs import printable
from modelberth.cli.plan.judging import Judged
from modelberth.planner.policy import PLAN_POLICY, overruled


def messages(judged: list[Judged], in_full: bool) -> Iterator[str]:
    """Lines for people. ``in_full``: standard output is not for them, so findings and advice are said here too."""
    # Once for all resources that share a model, or a hub that does not answer.
    yield from map(printable, dict.fromkeys(sentence for each in judged for sentence in each.missing))
    for each in judged:
        for line in _of(each, in_full):
            yield f"{each.given.title}: {printable(line)}"


def ignored(judged: list[Judged]) -> Iterator[str]:
    """What --gpu, --gpu-memory-gib and --compare do not apply to."""
    for each in judged:
        if each.md and each.md.spec.device == "CPU":
            yield f"{each.given.title}: device CPU has no GPU: --gpu, --gpu-memory-gib and --compare are left out"


def _of(judged: Judged, in_full: bool) -> Iterator[str]:
    if judged.fits is None:
        yield "not judged, which counts as no failure"
    if in_full:
        yield from map(str, judged.findings)
        yield from (f"fits with {advice.change}" for advice in (judged.plan.advice if judged.plan else ()))
    # The annotation is the operator's affair; `plan` answers all the same.
    if judged.md and judged.fits is False and overruled(judged.md.metadata):
        yield f"does not fit, but the operator would start it: {PLAN_POLICY} is Warn"
