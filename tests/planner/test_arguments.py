"""Pass-through arguments as the planner reads them."""

import pytest

from modelberth.api.spec import EnvVar
from modelberth.planner.arguments import Arguments


@pytest.mark.parametrize(
    ("args", "number"),
    [
        (["--max-num-batched-tokens", "8192"], 8192),
        (["--max-num-batched-tokens=8192"], 8192),
        (["--max_num_batched_tokens", "8k"], 8000),
        (["--max_num_batched_tokens", "8K"], 8192),
        (["--max-num-batched-tokens", "1", "--max-num-batched-tokens", "2"], 2),
        (["--max-num-batched-tokens"], None),
        (["--max-num-batched-tokens", "many"], None),
        (["--max-num-batched-tokens", "-1"], None),
        (["--max-num-batched-tokens", "0"], None),
        (["8192"], None),
        ([], None),
    ],
)
def test_numbers(args: list[str], number: int | None) -> None:
    assert Arguments(args).count("--max-num-batched-tokens") == number


@pytest.mark.parametrize(
    ("args", "given"),
    [
        (["--enforce-eager"], True),
        (["--enforce_eager"], True),
        (["--enforce-eager", "False"], False),
        (["--enforce-eager=true", "--port", "1"], True),
        (["--no-enforce-eager"], False),
        ([], False),
    ],
)
def test_switches(args: list[str], given: bool) -> None:
    assert Arguments(args).given("--enforce-eager") is given


def test_records() -> None:
    config = Arguments(["--compilation-config", '{"level": 3}', "--compilation-config.cudagraph_mode", "NONE"])
    assert config.record("--compilation-config") == {"level": 3, "cudagraph_mode": "NONE"}
    assert Arguments(["--compilation-config", "[1]"]).record("--compilation-config") == {}
    assert Arguments(["--compilation-config", "[" * 100_000]).record("--compilation-config") == {}


def test_several_values_and_names() -> None:
    args = Arguments(["--cuda-graph-bs", "1", "2", "4", "--ep", "2"])
    assert args.word("--cuda-graph-bs") == "1 2 4"
    assert args.count("--ep-size", "--ep") == 2


def test_environment() -> None:
    args = Arguments((), [EnvVar(name="VLLM_USE_V1", value="0")])
    assert args.variable("VLLM_USE_V1") == "0"
    assert args.variable("OTHER") is None
