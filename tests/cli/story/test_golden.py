"""What people see of resources that a real cluster had; `python -m tests.cli.story.regenerate` writes it anew."""

import io

import pytest

from modelberth.cli.story.page import PLAIN_WIDTH
from tests.cli.story.cases import CASES, GOLDEN
from tests.cli.story.text import diagnosis, listing, status


@pytest.mark.parametrize("case", CASES)
def test_status(case: str) -> None:
    assert status(case) == (GOLDEN / f"{case}.status.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES)
def test_diagnosis(case: str) -> None:
    assert diagnosis(case) == (GOLDEN / f"{case}.diagnosis.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES)
def test_a_pipe_gets_plain_text(case: str) -> None:
    for line in (status(case) + diagnosis(case)).splitlines():
        assert line.isprintable()
        assert line == line.rstrip()
        assert len(line) <= PLAIN_WIDTH


def test_the_list_has_a_line_for_each() -> None:
    header, *lines = listing(with_namespace=False).splitlines()
    assert header.split() == ["NAME", "READY", "REASON", "REPLICAS", "WEIGHTS", "MESSAGE"]
    assert [line.split()[0] for line in lines] == CASES
    loading = next(line for line in lines if line.startswith("loading"))
    assert loading.split()[1:6] == ["Unknown", "Downloading", "0/1", "6", "%"]


def test_the_list_of_all_namespaces_names_them() -> None:
    header, *lines = listing(with_namespace=True).splitlines()
    assert header.split()[:2] == ["NAMESPACE", "NAME"]
    assert {line.split()[0] for line in lines} == {"c-story"}


class Terminal(io.StringIO):
    """Looks like one to whoever asks."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_line_each_however_narrow_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("COLUMNS", "60"), ("TERM", "xterm-256color"), ("NO_COLOR", "1")):
        monkeypatch.setenv(name, value)
    lines = listing(with_namespace=True, out=Terminal()).splitlines()
    assert len(lines) == len(CASES) + 1
    assert any("…" in line for line in lines)
