"""What every engine's command line must hold, whatever the spec."""

import re
from itertools import chain

import pytest
from hypothesis import given, settings

from modelberth.api.engine_tables import FACTS
from modelberth.api.spec import EngineType, Spec
from modelberth.engines.catalogue import ENGINES, IMAGES
from modelberth.engines.container import API_KEY_FILE, HOME, threads
from modelberth.engines.engine import Launch
from tests.engines.specs import ENGINE_TYPES, LAUNCH, SECRET, Document, berth, document, documents


def launch(fields: Document, version: tuple[int, ...] | None = None) -> Launch:
    where = berth(fields, version)
    return ENGINES[where.spec.engine.type].launch(where)


def flags(launched: Launch) -> list[str]:
    return [word for word in launched.args if re.match(r"^--[a-z]", word)]


def after(launched: Launch, flag: str) -> str | None:
    """The value of a flag; None where it is not given."""
    return launched.args[launched.args.index(flag) + 1] if flag in launched.args else None


def variables(launched: Launch) -> dict[str, str | None]:
    return {item["name"]: item.get("value") for item in launched.env}


@given(documents())
@settings(deadline=None)
def test_every_flag_is_given_once_and_only_with_the_fields_own_spelling(fields: Document) -> None:
    launched = launch(fields)
    owned = {name: flag.names for flag in FACTS[fields["engine"]["type"]].owned_flags for name in flag.names}
    given_flags = flags(launched)
    meanings = [owned.get(flag, (flag,)) for flag in given_flags]
    assert len(meanings) == len(set(meanings))


@given(documents())
@settings(deadline=None)
def test_no_secret_is_in_the_arguments_or_in_plain_environment(fields: Document) -> None:
    launched = launch(fields)
    assert not any(SECRET in word for word in chain(launched.command, launched.args))
    assert all(SECRET not in value for value in variables(launched).values() if value is not None)


@given(documents())
@settings(deadline=None)
def test_environment_names_are_unique_and_paths_are_writable(fields: Document) -> None:
    launched = launch(fields)
    names = [item["name"] for item in launched.env]
    assert len(names) == len(set(names))
    assert all(
        value.startswith(HOME) for value in variables(launched).values() if value is not None and value.startswith("/")
    )


@given(documents())
@settings(deadline=None)
def test_engines_are_quiet_and_work_offline(fields: Document) -> None:
    own = variables(launch(fields))
    assert (own["HF_HUB_OFFLINE"], own["HF_HUB_DISABLE_TELEMETRY"], own["DO_NOT_TRACK"]) == ("1", "1", "1")
    if fields["engine"]["type"] == "vLLM":
        assert own["VLLM_NO_USAGE_STATS"] == "1"


@pytest.mark.parametrize("engine", ENGINE_TYPES)
def test_the_server_listens_on_every_address_of_the_pod(engine: EngineType) -> None:
    launched = launch(document(engine))
    assert after(launched, "--host") == "0.0.0.0"
    assert after(launched, "--port") == str(ENGINES[engine].port)


@pytest.mark.parametrize("engine", ENGINE_TYPES)
def test_the_command_is_explicit_so_that_any_image_of_the_engine_works(engine: EngineType) -> None:
    assert launch(document(engine)).command


@pytest.mark.parametrize("engine", ENGINE_TYPES)
def test_the_default_image_says_the_version_that_the_tables_were_checked_against(engine: EngineType) -> None:
    for image in IMAGES[engine].values():
        assert FACTS[engine].version_of(image, None) == (FACTS[engine].newest, True)


@pytest.mark.parametrize("engine", ENGINE_TYPES)
def test_probes_give_hours_to_load_and_do_not_kill_a_busy_engine(engine: EngineType) -> None:
    probes = ENGINES[engine].probes()
    seconds = {name: probe["periodSeconds"] * probe["failureThreshold"] for name, probe in probes.items()}
    assert seconds["startupProbe"] >= 3600
    assert seconds["readinessProbe"] <= 15
    assert seconds["livenessProbe"] >= 180
    assert all(probe["timeoutSeconds"] > 1 for probe in probes.values())


def test_vllm_reads_its_key_from_a_variable_that_the_kubelet_fills() -> None:
    launched = launch(document("vLLM", apiKeySecretRef={"name": SECRET}))
    key = {"name": "VLLM_API_KEY", "valueFrom": {"secretKeyRef": {"name": SECRET, "key": "api-key"}}}
    assert key in launched.env


def test_llama_server_reads_its_key_from_a_file() -> None:
    launched = launch(document("LlamaCpp", apiKeySecretRef={"name": SECRET, "key": "k"}))
    assert after(launched, "--api-key-file") == API_KEY_FILE
    assert launched.secret_files == {API_KEY_FILE: (SECRET, "k")}


def test_vllm_takes_its_memory_from_the_gpu_or_from_the_containers_limit() -> None:
    gpu, cpu = (launch(document("vLLM", device=device, gpuMemoryUtilization=0.5)) for device in ("GPU", "CPU"))
    assert after(gpu, "--gpu-memory-utilization") == "0.5"
    assert after(gpu, "--kv-cache-memory-bytes") is None
    assert after(cpu, "--gpu-memory-utilization") is None
    assert after(cpu, "--kv-cache-memory-bytes") == str(LAUNCH.cpu_kv_bytes)


def test_sglang_takes_its_memory_from_the_gpu_or_from_the_containers_limit() -> None:
    gpu, cpu = (launch(document("SGLang", device=device, gpuMemoryUtilization=0.5)) for device in ("GPU", "CPU"))
    assert after(gpu, "--mem-fraction-static") == str(LAUNCH.memory_fraction)
    assert after(gpu, "--max-total-tokens") is None
    assert after(cpu, "--mem-fraction-static") == "0.99"
    assert after(cpu, "--max-total-tokens") == str(LAUNCH.cpu_kv_tokens)


def test_old_vllm_is_not_given_flags_that_came_later() -> None:
    launched = launch(document("vLLM", device="CPU"), version=(0, 7, 3))
    assert "--shutdown-timeout" not in launched.args
    assert "--kv-cache-memory-bytes" not in launched.args
    assert variables(launched)["VLLM_CPU_KVCACHE_SPACE"] == "3"


@pytest.mark.parametrize(("version", "word"), [((0, 23, 0), None), ((0, 24, 0), "awq"), ((0, 32, 0), "awq")])
def test_awq_is_not_named_where_that_would_force_the_slow_kernels(version: tuple[int, ...], word: str | None) -> None:
    assert after(launch(document("vLLM", quantization="awq"), version), "--quantization") == word


@pytest.mark.parametrize("engine", ENGINE_TYPES)
def test_auto_leaves_types_to_the_engine(engine: EngineType) -> None:
    given_flags = flags(launch(document(engine)))
    assert not {"--quantization", "--dtype", "--kv-cache-dtype", "--cache-type-k"} & set(given_flags)


def test_each_slot_of_llama_server_gets_the_whole_max_model_len() -> None:
    launched = launch(document("LlamaCpp", maxModelLen=4096, maxNumSeqs=3))
    assert (after(launched, "--ctx-size"), after(launched, "--parallel")) == (str(3 * 4096), "3")


def test_slots_share_the_models_own_context_where_no_length_is_set() -> None:
    launched = launch(document("LlamaCpp"))
    assert "--kv-unified" in launched.args
    assert (after(launched, "--ctx-size"), after(launched, "--parallel")) == (None, "4")


@pytest.mark.parametrize(
    ("parallelism", "mode", "split"),
    [({"tensor": 2}, "row", "1,1"), ({"pipeline": 3}, "layer", "1,1,1"), ({"tensor": 1}, None, None)],
)
def test_llama_server_splits_over_gpus(parallelism: dict[str, int], mode: str | None, split: str | None) -> None:
    launched = launch(document("LlamaCpp", parallelism=parallelism))
    assert (after(launched, "--split-mode"), after(launched, "--tensor-split")) == (mode, split)


@pytest.mark.parametrize(
    ("resources", "count"),
    [
        ({"limits": {"cpu": "4", "memory": "1Gi"}}, 4),
        ({"limits": {"cpu": 2}, "requests": {"cpu": "500m"}}, 2),
        ({"requests": {"cpu": "2500m"}}, 3),
        ({"limits": {"cpu": "100m"}}, 1),
        ({}, 1),
    ],
)
def test_threads_follow_the_containers_cpu(resources: dict[str, dict[str, str]], count: int) -> None:
    fields = document("LlamaCpp", resources=resources)
    assert threads(Spec.model_validate(fields)) == count
    assert after(launch(fields), "--threads") == str(count)


@pytest.mark.parametrize("engine", ENGINE_TYPES)
def test_launches_are_pure(engine: EngineType) -> None:
    assert launch(document(engine)) == launch(document(engine))
