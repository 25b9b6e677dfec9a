"""The small pieces of the fetcher: progress lines, reports, scrubbing, retries."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelberth.fetcher import record, report
from modelberth.fetcher.progress import Progress, duration, gib
from modelberth.fetcher.record import Record
from modelberth.fetcher.resolve import RemoteFile
from modelberth.fetcher.retries import TRIES, persist
from modelberth.ports.hub_problems import HubProblem
from modelberth.ports.model_files.selection import Wish


def test_progress_says_rate_and_time_left() -> None:
    now = [0.0]
    progress = Progress(lambda line: None, clock=lambda: now[0])
    progress.begin(total=10 << 30, present=0)
    for _ in range(20):
        now[0] += 1
        progress.add(100_000_000)
        line = progress.line()
    assert line == "1.86 GiB of 10.00 GiB (18 %), 100.0 MB/s, 1 min 27 s left"
    now[0] += 11
    progress.line()
    assert progress.line().endswith("0.0 MB/s, waiting for data")
    progress.add((10 << 30) - 2_000_000_000)
    now[0] += 1
    assert progress.line().startswith("10.00 GiB of 10.00 GiB (100 %), ")


def test_progress_of_nothing() -> None:
    assert Progress(lambda line: None).line() == "0.0 MiB of 0.0 MiB (0 %), 0.0 MB/s"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59.9, "59 s"), (200, "3 min 20 s"), (7500, "2 h 5 min"), (360000, "100 h 0 min")]
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_gib() -> None:
    assert gib(3 << 29) == "1.50 GiB"
    assert gib(3 << 19) == "1.5 MiB"


@given(st.text(max_size=6000))
def test_a_report_is_short_json(message: str) -> None:
    text = report.failure(HubProblem("DownloadFailed", message), report.Scrubber())
    assert len(text.encode()) <= report.MAX_BYTES
    assert json.loads(text)["reason"] == "DownloadFailed"


def test_scrubbing() -> None:
    scrubber = report.Scrubber("hf_secret", None, "")
    text = "GET https://user:pw@cdn.example/file?X-Amz-Signature=abc&x=1 failed for hf_secret"
    assert scrubber.clean(text) == "GET https://cdn.example/file failed for ***"


def test_the_default_report_is_the_kubelets_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "termination-log"
    monkeypatch.setattr(report, "DEFAULT_LOG", log)
    report.write("text", None)
    assert not log.exists()
    log.touch()
    report.write("text", None)
    assert log.read_text() == "text"


@pytest.mark.parametrize("transient", [True, False])
def test_only_transient_problems_are_tried_again(transient: bool) -> None:
    waits: list[float] = []
    calls: list[int] = []

    def call() -> None:
        calls.append(1)
        raise HubProblem("HubUnreachable", "no", transient)

    with pytest.raises(HubProblem):
        persist(call, waits.append)
    assert len(calls) == (TRIES if transient else 1)
    assert waits == ([2, 4, 8] if transient else [])


NAMES = st.text(max_size=20)
RECORDS = st.builds(
    Record,
    repo=NAMES,
    revision=NAMES,
    wish=st.builds(
        Wish, st.sampled_from(["vLLM", "SGLang", "LlamaCpp"]), st.none() | NAMES, st.booleans(), st.booleans()
    ),
    commit=NAMES,
    files=st.lists(st.builds(RemoteFile, NAMES, st.integers(0, 1 << 50), st.none() | NAMES, st.none() | NAMES)).map(
        tuple
    ),
    gguf=st.none() | NAMES,
    complete=st.booleans(),
)
IN_ONE_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@IN_ONE_FOLDER
@given(RECORDS)
def test_a_record_is_read_as_it_was_written(tmp_path: Path, written: Record) -> None:
    record.save(written, tmp_path)
    assert record.load(tmp_path) == written
    assert [path.name for path in tmp_path.iterdir()] == [record.NAME]


@IN_ONE_FOLDER
@given(RECORDS, st.data())
def test_a_record_that_was_cut_off_or_damaged_is_none(tmp_path: Path, written: Record, data: st.DataObject) -> None:
    record.save(written, tmp_path)
    text = (tmp_path / record.NAME).read_bytes()
    (tmp_path / record.NAME).write_bytes(text[: data.draw(st.integers(0, len(text) - 1))])
    assert record.load(tmp_path) is None
    (tmp_path / record.NAME).write_bytes(data.draw(st.binary(max_size=50)))
    assert record.load(tmp_path) is None


def test_a_record_of_an_older_version_is_not_complete(tmp_path: Path) -> None:
    """Images of the fetcher are frozen: an older one may have written what a newer one reads."""
    old = {"repo": "org/m", "revision": "main", "wish": {"engine": "vLLM"}, "commit": "a" * 40, "files": []}
    (tmp_path / record.NAME).write_text(json.dumps(old))
    found = record.load(tmp_path)
    assert found is not None
    assert not found.complete
