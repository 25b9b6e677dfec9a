"""`modelberth plan`: exit codes, the JSON that pipelines read, what is said on standard error."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import Done, documents, modelberth
from tests.cli.plans import (
    ADVICE,
    ENTRY,
    FINDING,
    FITS,
    INVALID,
    LLAMA,
    PER_GPU,
    TOO_LONG,
    UNKNOWN,
    entries,
    llama,
    on,
    plan,
)

JSON = ("-o", "json")


def json_plan(folder: Path, *resources: dict[str, Any], args: tuple[str, ...] = ()) -> Done:
    return plan(folder, *resources, args=(*JSON, *args))


@pytest.mark.parametrize(
    ("resources", "code"),
    [
        ((FITS,), 0),
        ((UNKNOWN,), 0),
        ((FITS, UNKNOWN), 0),
        ((FITS, TOO_LONG), 2),
        ((TOO_LONG, UNKNOWN), 2),
        ((FITS, INVALID), 3),
        ((TOO_LONG, INVALID), 3),
    ],
)
@pytest.mark.parametrize("output", ["table", "json", "markdown"])
def test_the_worst_resource_decides_the_exit_code(
    tmp_path: Path, resources: tuple[dict[str, Any], ...], code: int, output: str
) -> None:
    done = plan(tmp_path, *resources, args=("-o", output))
    assert done.code == code
    for each in resources:
        assert each["metadata"]["name"] in done.out


def test_json_has_one_entry_per_resource_in_the_order_of_the_file_and_always_the_same_keys(tmp_path: Path) -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}}
    nameless = {**INVALID, "metadata": None}
    done = json_plan(tmp_path, TOO_LONG, service, FITS, UNKNOWN, INVALID, nameless)
    found = entries(done)
    assert [entry["name"] for entry in found] == ["too-long", "fits", "unknown", "invalid", None]
    assert [entry["fits"] for entry in found] == [False, True, None, False, False]
    for entry in found:
        assert set(entry) == ENTRY
        assert set(entry["perGpu"]) == PER_GPU
        assert all(set(finding) == FINDING for finding in entry["findings"])
        assert all(set(advice) == ADVICE for advice in entry["advice"])
        assert entry["namespace"] == (None if entry["name"] is None else "default")


def test_what_fits_and_what_does_not_in_numbers(tmp_path: Path) -> None:
    fits, too_long = entries(json_plan(tmp_path, FITS, TOO_LONG))
    for entry in (fits, too_long):
        per_gpu = entry["perGpu"]
        # 8,030,261,248 parameters in 16 bit.
        assert per_gpu["weightsGiB"] == pytest.approx(14.96, abs=0.05)
        assert per_gpu["budgetGiB"] == pytest.approx(0.9 * per_gpu["totalGiB"], abs=0.01)
        assert entry["gpusPerReplica"] == 1
    assert fits["kvCacheTokens"] >= 4096
    assert fits["maxConcurrency"] == pytest.approx(fits["kvCacheTokens"] / 4096, abs=0.01)
    assert fits["findings"] == fits["advice"] == []
    assert too_long["maxConcurrency"] < 1
    assert [finding["reason"] for finding in too_long["findings"]] == ["DoesNotFit"]
    assert all(advice["fits"] and advice["maxConcurrency"] >= 1 for advice in too_long["advice"])


def test_what_is_not_known_is_null(tmp_path: Path) -> None:
    (unknown,) = entries(json_plan(tmp_path, UNKNOWN))
    assert unknown["fits"] is None
    assert unknown["kvCacheTokens"] is None
    assert unknown["maxConcurrency"] is None
    assert set(unknown["perGpu"].values()) == {None}
    assert [finding["reason"] for finding in unknown["findings"]] == ["UnknownGpu"]


def test_an_invalid_resource_has_its_findings_and_no_plan(tmp_path: Path) -> None:
    (invalid,) = entries(json_plan(tmp_path, INVALID))
    assert (invalid["fits"], invalid["estimated"], invalid["gpusPerReplica"]) == (False, None, None)
    assert [finding["field"] for finding in invalid["findings"]] == ["spec.maxModelLen"]
    assert [finding["reason"] for finding in invalid["findings"]] == ["InvalidSpec"]


@pytest.mark.parametrize("text", ["", "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n"])
def test_a_file_without_a_modeldeployment_is_exit_1_and_an_empty_list(text: str) -> None:
    done = modelberth("plan", "-f", "-", *JSON, stdin=text)
    assert (done.code, entries(done), done.err) == (1, [], "-: no ModelDeployment in it\n")


def test_a_file_that_is_no_yaml_is_exit_3_and_one_that_cannot_be_read_exit_1(tmp_path: Path) -> None:
    done = modelberth("plan", "-f", "-", *JSON, stdin="a: [")
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith("-: line 1: ")
    done = modelberth("plan", "-f", str(tmp_path / "none.yaml"), *JSON)
    assert (done.code, done.out) == (1, "")
    assert "No such file" in done.err


@pytest.mark.parametrize("args", [(), ("-f",), ("-f", "x.yaml", "-o", "yaml"), ("-f", "x.yaml", "--dry")])
def test_wrong_usage_is_not_the_exit_code_of_what_does_not_fit(args: tuple[str, ...]) -> None:
    done = modelberth("plan", *args)
    assert (done.code, done.out) == (1, "")
    assert "usage: modelberth plan " in done.err


@pytest.mark.parametrize("output", ["json", "markdown"])
def test_findings_are_told_to_people_where_the_output_is_not_for_them(tmp_path: Path, output: str) -> None:
    done = plan(tmp_path, FITS, TOO_LONG, INVALID, args=("-o", output))
    lines = done.err.splitlines()
    assert any(line.startswith("-:3: too-long: spec.maxModelLen: ") for line in lines)
    assert any(line.startswith("-:5: invalid: spec.maxModelLen: ") for line in lines)
    assert not any(": fits: " in line for line in lines)


def test_the_table_says_it_once(tmp_path: Path) -> None:
    done = plan(tmp_path, FITS, TOO_LONG, INVALID)
    assert done.err == ""
    assert "spec.maxModelLen: " in done.out


def test_not_judged_counts_as_no_failure_and_is_said(tmp_path: Path) -> None:
    done = plan(tmp_path, UNKNOWN)
    assert done.code == 0
    assert done.err == "-:1: unknown: not judged, which counts as no failure\n"


def test_a_policy_of_warn_is_the_operators_affair(tmp_path: Path) -> None:
    metadata = {"name": "a", "annotations": {"modelberth.dev/plan-policy": "Warn"}}
    done = json_plan(tmp_path, {**TOO_LONG, "metadata": metadata}, {**FITS, "metadata": metadata})
    assert (done.code, entries(done)[0]["fits"]) == (2, False)
    said = [line for line in done.err.splitlines() if "plan-policy" in line]
    assert said == ["-:1: a: does not fit, but the operator would start it: modelberth.dev/plan-policy is Warn"]


def test_the_namespace_is_the_files_else_the_command_lines(tmp_path: Path) -> None:
    own = {**FITS, "metadata": {"name": "a", "namespace": "own"}}
    found = entries(json_plan(tmp_path, own, FITS, args=("-n", "team")))
    assert [entry["namespace"] for entry in found] == ["own", "team"]


def test_settings_choose_the_engines_version(tmp_path: Path) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text("engineImages: {vLLM: {GPU: 'r/vllm:v0.7.3'}}\n")
    done = plan(tmp_path, FITS, args=("--config", str(settings)))
    assert "vLLM 0.7.3 on NVIDIA-L4" in done.out
    assert "vLLM 0.32.0 on" in plan(tmp_path, FITS).out
    nightly = on(maxModelLen=4096, engine={"type": "vLLM", "image": "r/vllm:nightly"})
    assert "vLLM 0.32.0 (assumed) on" in plan(tmp_path, nightly).out


def test_resources_that_differ_in_name_only_get_the_same_answer_each_under_its_own(tmp_path: Path) -> None:
    twins = [{**TOO_LONG, "metadata": {"name": name, "namespace": name}} for name in ("a", "b")]
    first, second = entries(json_plan(tmp_path, *twins))
    assert (first.pop("name"), second.pop("name")) == ("a", "b")
    assert (first.pop("namespace"), second.pop("namespace")) == ("a", "b")
    assert first == second


def test_each_resource_has_the_folder_of_its_name(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    (small / "config.json").write_text(json.dumps({**LLAMA, "num_hidden_layers": 2}))
    args = (*JSON, "--model-config", f"too-long={small}")
    fits, short = entries(plan(tmp_path, FITS, TOO_LONG, args=args))
    assert fits["perGpu"]["weightsGiB"] > 3 * short["perGpu"]["weightsGiB"]
    assert short["fits"] is True


@pytest.mark.parametrize("again", ["{0}", "fits={0}"])
def test_two_folders_of_one_resource(tmp_path: Path, again: str) -> None:
    args = ("--model-config", f"fits={llama(tmp_path)}", "--model-config", again.format(tmp_path))
    done = plan(tmp_path, FITS, args=args)
    assert (done.code, done.out) == (1, "")
    whose = "fits" if "=" in again else "every resource"
    assert f"{whose} has a folder already" in done.err


@pytest.mark.parametrize("folder", ["no-such-folder", "fits=no-such-folder", "nobody=."])
def test_json_names_every_resource_where_a_folder_cannot_be_read(tmp_path: Path, folder: str) -> None:
    file = tmp_path / "model.yaml"
    file.write_text(documents(FITS, INVALID))
    done = modelberth("plan", "-f", str(file), *JSON, "--model-config", folder)
    assert done.code == 1
    fits, invalid = entries(done)
    assert (fits["fits"], invalid["fits"]) == (None, False)
    assert fits["findings"][0]["reason"] == "UnknownModel"
    assert f"--model-config {folder.split('.')[0]}" in fits["findings"][0]["message"]
    assert folder.split(".")[0] in done.err
    assert modelberth("plan", "-f", str(file), "--model-config", folder).out == ""


def test_an_assumed_version_is_an_estimate(tmp_path: Path) -> None:
    images = {"v0.32.0": False, "nightly": True, "v99.1": True}
    for tag, estimated in images.items():
        made = on(maxModelLen=4096, engine={"type": "vLLM", "image": f"r/vllm:{tag}"})
        assert entries(json_plan(tmp_path, made))[0]["estimated"] is estimated
        shown = plan(tmp_path, made, args=("-o", "markdown")).out
        assert ("fits (estimated)" in shown) is estimated
        assert ("vLLM" in shown) is estimated


@pytest.mark.parametrize("config", ["{", "[]", '{"model_type": 7}', '{"hidden_size": -1}', "{}"])
def test_a_config_that_says_nothing_is_no_crash(tmp_path: Path, config: str) -> None:
    (tmp_path / "config.json").write_text(config)
    done = modelberth("plan", "-f", "-", *JSON, "--model-config", str(tmp_path), stdin=documents(FITS))
    assert done.code in (0, 1)
    assert done.err


def test_offline_nothing_is_imported_that_it_does_not_need(tmp_path: Path) -> None:
    file = tmp_path / "model.yaml"
    file.write_text(documents(on(maxModelLen=4096)))
    script = (
        "import sys; from modelberth.cli.main import main; code = main(sys.argv[1:]); "
        "print(*{'kopf', 'kubernetes', 'aiohttp', 'huggingface_hub', 'rich'} & set(sys.modules), file=sys.stderr); "
        "sys.exit(code)"
    )
    command = [sys.executable, "-c", script, "plan", "-f", str(file), "--model-config", llama(tmp_path), *JSON]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)[0]["fits"] is True
    assert done.stderr.split() == []
