"""`modelberth plan` on the examples."""

from pathlib import Path

from tests.cli.command import modelberth
from tests.cli.plans import ENTRY, entries, llama
from tests.golden.regenerate import examples


def test_every_example_is_judged(tmp_path: Path) -> None:
    for example in examples():
        done = modelberth("plan", "-f", str(example), "--model-config", llama(tmp_path), "-o", "json")
        assert done.code in (0, 2), (example.name, done.err)
        assert all(set(entry) == ENTRY for entry in entries(done))
