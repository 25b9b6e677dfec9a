"""What is printed of a fixture."""

import io

from modelberth.cli.story.diagnosis_text import tell_diagnosis
from modelberth.cli.story.page import page
from modelberth.cli.story.seen import Seen
from modelberth.cli.story.status_text import tell_list, tell_status
from tests.cli.story.cases import CASES, NOW, seen


def status(case: str) -> str:
    out = io.StringIO()
    made = page(out)
    tell_status(made, seen(case).resource, NOW)
    made.print()
    return out.getvalue()


def diagnosis(case: str) -> str:
    return diagnosis_of(seen(case))


def diagnosis_of(around: Seen) -> str:
    out = io.StringIO()
    made = page(out)
    tell_diagnosis(made, around, NOW)
    made.print()
    return out.getvalue()


def listing(with_namespace: bool, out: io.StringIO | None = None) -> str:
    out = out or io.StringIO()
    made = page(out)
    tell_list(made, [seen(case).resource for case in CASES], with_namespace)
    made.print()
    return out.getvalue()
