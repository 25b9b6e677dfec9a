"""What the init container of engine pods leaves for the engine's Python."""

import subprocess
import sys
from pathlib import Path

from modelberth.cli.main import main
from modelberth.engines.vllm import MIDDLEWARE

FILES = {"run.py", "words.py", "drain.py", "modelberth_drain.py"}


def test_every_hook_is_there_and_a_second_run_changes_nothing(tmp_path: Path) -> None:
    for _ in range(2):
        assert main(["hooks", "--to", str(tmp_path)]) == 0
        assert {path.name for path in tmp_path.glob("*.py")} >= FILES
    assert not (tmp_path / "__init__.py").exists()


def test_the_engines_python_finds_them_there_by_name_and_as_a_plugin(tmp_path: Path) -> None:
    main(["hooks", "--to", str(tmp_path)])
    module, name = MIDDLEWARE.rsplit(".", 1)
    code = f"""
from importlib.metadata import entry_points
from {module} import {name}, register
(plugin,) = [one for one in entry_points(group="sglang.srt.plugins") if one.dist.name == "modelberth-hooks"]
assert plugin.load() is register
"""
    # -S -I: nothing but the standard library, as if Modelberth were not installed.
    started = f"import sys; sys.path.append({str(tmp_path)!r}); exec({code!r})"
    subprocess.run([sys.executable, "-S", "-I", "-c", started], check=True)
