"""What the application asks while pods go, and what became of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from e2e.drain.causes import NAME, Story
from e2e.install.client import Client
from e2e.load.generator import Load
from e2e.load.results import Results
from e2e.load.running import running

SDK = Path(__file__).with_name("sdk.py")
EACH = 200
"""Fewest requests of each client: the one with a pool, and the one with a connection per request."""


@contextmanager
def asking(application: Client, url: str, max_tokens: int, headers: dict[str, str] | None = None) -> Iterator[Story]:
    """The application asks all the time while the block runs, and until each client has EACH answers.

    Then nothing may have gone wrong: no stream cut, no status but 200, no connection that broke.
    """
    load = Load([url], NAME, total=EACH, max_tokens=max_tokens, headers=headers or {})
    with running(application, load, SDK) as load_on_its_way:
        story = Story()
        yield story
        results = load_on_its_way.results(timeout_s=300)
    print(f"{story}: {results.told()}")
    judge(results)


def judge(results: Results) -> None:
    """Fails unless each client has EACH answers and nothing else."""
    for pooled in (True, False):
        mine = Results(tuple(record for record in results.records if record.pooled is pooled))
        print(f"{'a pool' if pooled else 'a connection per request'}: {mine}")
        assert mine.outcomes == {"answered": len(mine.records)}
        assert len(mine.records) >= EACH
