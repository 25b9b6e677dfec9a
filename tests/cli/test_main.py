"""The command line as a whole: help, usage errors, crds, pipes."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from modelberth.api.crd import crd_yaml
from tests.cli.command import modelberth

COMMANDS = ("plan", "render", "status", "diagnose", "crds", "operator", "fetch", "facts", "relay", "activator")
EXAMPLES = Path(__file__).parents[2] / "examples"


def test_help_names_every_command_and_what_it_is_for() -> None:
    done = modelberth("--help")
    assert done.code == 0
    for command in COMMANDS:
        line = next(line for line in done.out.splitlines() if line.split()[:1] == [command])
        assert len(line.split()) > 3, "a command has a line that says what it does"


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_shows_how_it_is_used(command: str) -> None:
    done = modelberth(command, "--help")
    assert done.code == 0
    assert f"  modelberth {command}" in done.out, "an example that can be copied"
    lines = done.out.splitlines()
    for index, line in enumerate(lines):
        if line.startswith("  -") and not line.startswith("  -h"):
            described = len(line.split("  ")) > 2 or (index + 1 < len(lines) and lines[index + 1].startswith("     "))
            assert described, line


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("fly",),
        ("--fly", "render", "-f", "x.yaml"),
        ("render",),
        ("render", "-f", "x.yaml", "--dry"),
        ("crds", "extra"),
        ("operator", "--port", "many"),
        ("operator", "--log-level", "loud"),
        ("operator", "--scale-interval", "0"),
        ("operator", "--scale-interval", "nan"),
        ("operator", "--scale-interval", "31"),
        ("fetch", "hf://org/name"),
        ("relay", "--port", "9400"),
        ("fetch", "hf://org/name", "--to", "x", "--engine", "Ollama"),
    ],
)
def test_wrong_usage_is_exit_2_and_says_how_it_is_right(args: tuple[str, ...]) -> None:
    done = modelberth(*args)
    assert done.code == 2
    assert done.out == ""
    assert "usage: modelberth" in done.err


def test_usage_is_that_of_the_command_which_did_not_understand() -> None:
    assert "usage: modelberth render " in modelberth("render", "-f", "x.yaml", "--dry").err


def test_render_waits_for_no_import_that_it_does_not_need() -> None:
    script = (
        "import sys; from modelberth.cli.main import main; main(sys.argv[1:]); "
        "print(*{'kopf', 'kubernetes', 'aiohttp', 'huggingface_hub', 'rich'} & set(sys.modules), file=sys.stderr)"
    )
    command = [sys.executable, "-c", script, "render", "-f", str(EXAMPLES / "vllm-bf16.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout
    assert done.stderr.split() == []


def test_crds_are_what_the_api_says() -> None:
    done = modelberth("crds")
    assert (done.code, done.out) == (0, crd_yaml())
    assert yaml.safe_load(done.out)["kind"] == "CustomResourceDefinition"


def test_fetch_runs_and_reports(tmp_path: Path) -> None:
    log = tmp_path / "log"
    args = ("--to", str(tmp_path / "model"), "--engine", "vLLM", "--termination-log", str(log))
    done = modelberth("fetch", "pvc://claim", *args)
    assert done.code == 1
    assert "mounted, not downloaded" in done.err
    assert "UnsupportedModel" in log.read_text()


def test_the_operator_does_not_start_with_settings_that_it_cannot_read(tmp_path: Path) -> None:
    done = modelberth("operator", "--config", str(tmp_path / "none.yaml"))
    assert done.code == 1
    assert "No such file" in done.err


@pytest.mark.parametrize("args", [["crds"], ["render", "-f", str(EXAMPLES / "vllm-bf16.yaml")]])
def test_a_reader_that_leaves_early_is_no_error_of_ours(args: list[str]) -> None:
    command = [sys.executable, "-m", "modelberth.cli.main", *args]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        # Closed before the command writes: it takes a while to import.
        process.stdout.close()
        said = process.stderr.read()
        code = process.wait(timeout=60)
    assert (code, said) == (141, b"")
