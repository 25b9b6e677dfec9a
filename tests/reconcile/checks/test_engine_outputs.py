"""What real engines wrote, as it is left of a container that ended, becomes its reason in the status."""

import pytest

from modelberth.hooks.words import Words
from modelberth.reconcile.checks.case import Case
from modelberth.reconcile.checks.crashes import crash_loop
from modelberth.reconcile.checks.engine import engine_failed
from tests.engines.failures.samples import OUTPUTS, SAMPLES, Sample, name_of
from tests.fakes.pods import container, ended, status

from .cases import PLAN, pod

TAIL = 2048
"""Characters of a log that the kubelet keeps where nothing wrote a termination message."""


def left_of(sample: Sample) -> Case:
    """A pod of the engine that wrote it. run.py chooses from the outputs of the engines that run in Python."""
    text = sample.text[-TAIL:]
    if sample in OUTPUTS and sample.engine != "LlamaCpp":
        words = Words()
        words.feed(1, sample.text.encode())
        text = words.text()
    labels = {"app.kubernetes.io/name": sample.engine.lower()}
    return Case([pod(status(container(state=ended(text))), labels=labels)], plan=PLAN)


@pytest.mark.parametrize("sample", [sample for sample in SAMPLES if sample.reason], ids=name_of)
def test_the_reason_that_the_status_tells(sample: Sample) -> None:
    found = engine_failed(left_of(sample))
    assert found is not None
    assert (found.reason, found.stalled) == (sample.reason, True)
    assert found.detail
    assert found.advice
    assert ("The plan" in found.message) == (found.reason in ("OutOfGpuMemory", "KVCacheTooSmall"))


@pytest.mark.parametrize("sample", [sample for sample in SAMPLES if not sample.reason], ids=name_of)
def test_what_nobody_knows_is_a_crash_loop(sample: Sample) -> None:
    assert engine_failed(left_of(sample)) is None
    found = crash_loop(left_of(sample))
    assert found is not None
    assert found.reason == "CrashLoop"
