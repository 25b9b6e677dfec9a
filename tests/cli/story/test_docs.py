"""docs/diagnose.md shows what is really printed."""

from pathlib import Path

import pytest

from tests.cli.story.cases import GOLDEN

DOCS = (Path(__file__).parents[3] / "docs" / "diagnose.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["loading.status", "older.diagnosis"])
def test_examples(name: str) -> None:
    printed = (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")
    for before, after in (("c-story/", "team-a/"), (".c-story.", ".team-a."), ("_c-story(", "_team-a(")):
        printed = printed.replace(before, after)
    assert f"{printed}```" in DOCS
