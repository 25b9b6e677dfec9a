"""Log lines name their object."""

import json
import logging
from collections.abc import Iterator

import pytest

from modelberth.runtime.logs import LogFormat, configure_logs


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    chatty = {name: logging.getLogger(name).level for name in ("kopf", "aiohttp.access", "asyncio", "httpx")}
    yield
    root.handlers[:], root.level = handlers, level
    for name, before in chatty.items():
        logging.getLogger(name).setLevel(before)


def lines(form: LogFormat, capsys: pytest.CaptureFixture[str]) -> list[str]:
    configure_logs("info", form)
    log = logging.getLogger("modelberth.test")
    log.info("applied %s", "Größe", extra={"key": ("team-a", "llama")})
    try:
        raise ValueError("boom")
    except ValueError:
        log.exception("failed")
    log.debug("not shown")
    logging.getLogger("kopf").info("not shown")
    return capsys.readouterr().err.splitlines()


def test_json_has_one_line_per_event_with_its_object(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = map(json.loads, lines("json", capsys))
    assert first["object"] == "team-a/llama"
    assert (first["level"], first["message"], first["logger"]) == ("info", "applied Größe", "modelberth.test")
    assert first["time"].endswith("+00:00")
    assert "object" not in second
    assert "ValueError: boom" in second["exception"]


def test_text_names_the_object_too(capsys: pytest.CaptureFixture[str]) -> None:
    told = lines("text", capsys)
    assert "team-a/llama: applied Größe" in told[0]
    assert told[-1] == "ValueError: boom"
    assert "not shown" not in "".join(told)
