"""The wrapper as it runs: a process of its own that starts another one."""

import ast
import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from modelberth import hooks

HOOKS = Path(hooks.__path__[0])
RUN = HOOKS / "run.py"
PR_SET_CHILD_SUBREAPER = 36


class Ended:
    """How a wrapped program ended, and the message that it left."""

    def __init__(self, folder: Path, script: str | list[str], **env: str) -> None:
        self.log = folder / "termination-log"
        program = [sys.executable, "-c", script] if isinstance(script, str) else script
        result = subprocess.run(
            [sys.executable, str(RUN), *program],
            capture_output=True,
            timeout=60,
            env={**os.environ, "MODELBERTH_TERMINATION_LOG": str(self.log), **env},
        )
        self.status = result.returncode
        self.out, self.err = result.stdout, result.stderr

    @property
    def message(self) -> str:
        return self.log.read_text(encoding="utf-8") if self.log.exists() else ""


def test_output_passes_byte_by_byte_on_its_own_stream(tmp_path: Path) -> None:
    script = r"""
import os
os.write(1, bytes(range(256)) * 4096 + b"no end of line")
os.write(2, b"\xff\xfe broken UTF-8\r50%\r100%")
"""
    ended = Ended(tmp_path, script)
    assert ended.out == bytes(range(256)) * 4096 + b"no end of line"
    assert ended.err == b"\xff\xfe broken UTF-8\r50%\r100%"
    assert (ended.status, ended.message) == (0, "")


@pytest.mark.parametrize(
    ("script", "status"),
    [
        ("raise SystemExit(3)", 3),
        ("import os; os.kill(os.getpid(), 9)", 137),
        ("import os; os.kill(os.getpid(), 15)", 143),
        # It closes its output, which is not its end.
        ("import os, time; os.close(1); os.close(2); time.sleep(0.2); os._exit(5)", 5),
    ],
)
def test_the_status_is_the_program_s(script: str, status: int, tmp_path: Path) -> None:
    assert Ended(tmp_path, script).status == status


def test_signals_have_their_usual_meaning_in_the_program(tmp_path: Path) -> None:
    # Python itself ignores SIGPIPE (13) and SIGXFSZ (25). glibc starts programs with its own 32 and 33 ignored.
    ignored = Ended(tmp_path, ["grep", "SigIgn", "/proc/self/status"]).out.split()[1]
    assert int(ignored, 16) & (1 << 31) - 1 == 0


def test_a_failure_leaves_the_cause(tmp_path: Path) -> None:
    ended = Ended(tmp_path, "print('loading')\nraise ValueError('no room')")
    assert (ended.status, ended.out) == (1, b"loading\n")
    assert ended.message.splitlines()[0] == "ValueError: no room"
    assert "loading" not in ended.message


def test_a_death_without_words_leaves_the_last_lines(tmp_path: Path) -> None:
    ended = Ended(tmp_path, "import os\nprint('step 1', flush=True)\nos.kill(os.getpid(), 11)")
    assert (ended.status, ended.message) == (139, "step 1")


def test_secrets_of_the_environment_are_not_told(tmp_path: Path) -> None:
    ended = Ended(
        tmp_path, "import os; raise ValueError('bad key ' + os.environ['MY_API_KEY'])", MY_API_KEY="s3cr3t-value"
    )
    assert ended.message.splitlines()[0] == "ValueError: bad key ***"
    assert b"s3cr3t-value" in ended.err, "the log is the engine's own affair"


def test_nor_are_their_lines(tmp_path: Path) -> None:
    program = "import os; raise ValueError('bad key ' + os.environ['MY_API_KEY'].splitlines()[1])"
    ended = Ended(tmp_path, program, MY_API_KEY="-----BEGIN-----\nabcdefghijkl\n-----END-----")
    assert ended.message.splitlines()[0] == "ValueError: bad key ***"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("HF_TOKEN", False),
        ("VLLM_API_KEY", False),
        ("AWS_SECRET_ACCESS_KEY", False),
        ("DB_PASSWORD", False),
        ("OPENAI_APIKEY", False),
        ("TOKENIZERS_PARALLELISM", True),
        ("MONKEY", True),
    ],
)
def test_what_a_secret_is_called(name: str, told: bool, tmp_path: Path) -> None:
    ended = Ended(tmp_path, f"import os; raise ValueError(os.environ['{name}'])", **{name: "some-value"})
    assert ended.message.splitlines()[0] == ("ValueError: some-value" if told else "ValueError: ***")


def test_the_same_crash_leaves_the_same_message(tmp_path: Path) -> None:
    script = """
import os, tempfile
raise RuntimeError(f"process {os.getpid()} pid={os.getpid()} {object()!r} {tempfile.mkdtemp()}")
"""
    first, second = Ended(tmp_path, script), Ended(tmp_path, script)
    assert first.err != second.err
    assert first.message == second.message


def test_a_missing_command_is_told(tmp_path: Path) -> None:
    ended = Ended(tmp_path, ["no-such-program"])
    assert (ended.status, ended.message) == (127, "error: No such file or directory: no-such-program")


def test_without_a_place_for_the_message_nothing_changes(tmp_path: Path) -> None:
    ended = Ended(tmp_path, "print('x'); raise SystemExit(4)", MODELBERTH_TERMINATION_LOG="/proc/no/such/file")
    assert (ended.status, ended.out) == (4, b"x\n")


def test_the_other_hooks_are_importable(tmp_path: Path) -> None:
    ended = Ended(tmp_path, "import os; print(os.environ['PYTHONPATH'])", PYTHONPATH="/somewhere")
    assert ended.out.decode().strip() == f"{HOOKS}:/somewhere"
    assert Ended(tmp_path, "import modelberth_drain").status == 0


def test_processes_that_keep_the_pipes_do_not_keep_us(tmp_path: Path) -> None:
    ended = Ended(tmp_path, ["sh", "-c", "sleep 20 & echo served; exit 9"])
    assert (ended.status, ended.out, ended.message) == (9, b"served\n", "served")


def started(tmp_path: Path, script: str, *, reaper: bool = False) -> "subprocess.Popen[bytes]":
    def become_reaper() -> None:
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    return subprocess.Popen(
        [sys.executable, str(RUN), sys.executable, "-u", "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "MODELBERTH_TERMINATION_LOG": str(tmp_path / "log")},
        preexec_fn=become_reaper if reaper else None,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_signals_are_forwarded_and_the_program_decides(number: signal.Signals, tmp_path: Path) -> None:
    script = f"""
import os, signal, threading
signal.signal({int(number)}, lambda *_: (print("draining"), print("drained"), os._exit(0)))
print("ready")
while True: signal.pause()
"""
    process = started(tmp_path, script)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, b"draining\ndrained\n")


def test_a_log_that_nobody_reads_does_not_end_the_program(tmp_path: Path) -> None:
    script = """
import sys
sys.stdin.readline()
for _ in range(1000): print("x" * 100)
sys.exit(3)
"""
    process = subprocess.Popen(
        [sys.executable, str(RUN), sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "MODELBERTH_TERMINATION_LOG": str(tmp_path / "log")},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdout.close()
    process.stdin.write(b"go\n")
    process.stdin.close()
    assert process.wait(timeout=60) == 3


def test_orphans_are_reaped(tmp_path: Path) -> None:
    # The child's child is left to the wrapper, which here is its reaper as a container's first process is.
    script = """
import os, time
read, write = os.pipe()
if os.fork() == 0:
    orphan = os.fork()
    if orphan == 0:
        os._exit(0)
    os.write(write, str(orphan).encode())
    os._exit(0)
orphan = int(os.read(read, 32))
os.wait()
while os.path.exists(f"/proc/{orphan}"):
    time.sleep(0.01)
print("reaped")
"""
    process = started(tmp_path, script, reaper=True)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, b"reaped\n", b"")


@pytest.mark.parametrize("name", ["run.py", "words.py"])
def test_it_runs_in_an_old_python_without_anything_installed(name: str) -> None:
    tree = ast.parse((HOOKS / name).read_text(encoding="utf-8"), feature_version=(3, 8))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {module.split(".")[0] for module in imported} <= {*sys.stdlib_module_names, "words", "modelberth"}
