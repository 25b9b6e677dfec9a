"""`modelberth render`: children on standard output, or exit 3 and what is wrong on standard error."""

import json
import socket
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml

from modelberth.api.loading import load
from tests.cli.command import Done, documents, kinds, modelberth
from tests.golden.regenerate import examples
from tests.manifests.specs import resource

CPU_SGLANG = {"engine": {"type": "SGLang"}, "device": "CPU", "resources": {"limits": {"memory": "8Gi"}}}


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any socket is a failure."""

    def refused(*_: Any, **__: Any) -> NoReturn:
        raise AssertionError("render opened a socket")

    for name in ("socket", "create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, refused)


def named(name: str, **fields: Any) -> dict[str, Any]:
    return {**resource(fields), "metadata": {"name": name}}


def render(*resources: dict[str, Any], args: tuple[str, ...] = ()) -> Done:
    return modelberth("render", "-f", "-", *args, stdin=documents(*resources))


def test_a_socket_would_have_been_noticed() -> None:
    with pytest.raises(AssertionError, match="render opened a socket"):
        socket.create_connection(("localhost", 80))


def test_every_example_without_the_network() -> None:
    for example in examples():
        assert modelberth("render", "-f", str(example)).code == 0


def test_children_of_every_resource_in_the_order_of_the_file() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}}
    done = render(named("first"), secret, named("second", replicas=2))
    assert (done.code, done.err) == (0, "")
    assert list(kinds(done)) == [
        ("Deployment", "first"),
        ("Service", "first"),
        ("Deployment", "second"),
        ("Service", "second"),
        ("PodDisruptionBudget", "second"),
    ]


def test_standard_input_and_a_file_are_the_same(tmp_path: Path) -> None:
    file = tmp_path / "model.yaml"
    file.write_text(documents(named("a")))
    assert modelberth("render", "-f", str(file)) == render(named("a"))


def test_an_invalid_resource_is_exit_3_with_line_name_field_and_way_out_and_nothing_is_printed() -> None:
    done = render(named("good"), named("bad", engine={"type": "vLLM", "args": ["--max-model-len=1"]}))
    assert (done.code, done.out) == (3, "")
    (line,) = done.err.splitlines()
    assert line.startswith("-:3: bad: spec.engine.args: ")
    assert "spec.maxModelLen" in line


def test_every_finding_of_every_resource_is_told() -> None:
    done = render(named("Bad"), named("worse", maxModelLen="4096", replicas=-1))
    assert done.code == 3
    for part in ("metadata.name", "worse: spec.maxModelLen", "worse: spec.replicas"):
        assert part in done.err


@pytest.mark.parametrize("metadata", [None, "text", [], {}, {"name": None}, {"name": 7}])
def test_a_resource_without_a_usable_name_is_invalid_like_any_other(metadata: Any) -> None:
    done = render({**resource(), "metadata": metadata})
    assert (done.code, done.out) == (3, "")
    assert "metadata" in done.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "-: line 1: "),
        ("kind: ModelDeployment\nkind: ModelDeployment\n", "line 2: the key kind is given twice"),
        ("just text", "line 1: "),
    ],
)
def test_what_is_no_yaml_of_resources_is_exit_3_with_the_line(text: str, said: str) -> None:
    done = modelberth("render", "-f", "-", stdin=text)
    assert (done.code, done.out) == (3, "")
    assert said in done.err


def test_a_file_that_cannot_be_read_is_exit_1(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"kind: \xff")
    for name, said in (("none.yaml", "No such file"), ("", "Is a directory"), ("latin.yaml", "not UTF-8")):
        done = modelberth("render", "-f", str(tmp_path / name))
        assert (done.code, done.out) == (1, "")
        assert said in done.err
        assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize("text", ["", "---\n", "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n"])
def test_a_file_without_a_modeldeployment_is_exit_1(text: str) -> None:
    done = modelberth("render", "-f", "-", stdin=text)
    assert (done.code, done.out, done.err) == (1, "", "-: no ModelDeployment in it\n")


def test_the_namespace_is_the_files_else_the_command_lines() -> None:
    own = {**resource(), "metadata": {"name": "a", "namespace": "own"}}
    for args, wanted in (((), ["own", "default"]), (("-n", "team"), ["own", "team"])):
        done = render(own, named("b"), args=args)
        found = dict.fromkeys(manifest["metadata"]["namespace"] for manifest in done.manifests)
        assert list(found) == wanted


def config(folder: Path, text: str) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(text)
    return str(folder)


def llama(layers: int) -> str:
    """config.json of a small Llama: 1 KiB of KV cache per token and layer."""
    return json.dumps(
        {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "hidden_size": 256,
            "intermediate_size": 512,
            "num_hidden_layers": layers,
            "num_attention_heads": 4,
            "num_key_value_heads": 4,
            "vocab_size": 1000,
            "max_position_embeddings": 2048,
            "tie_word_embeddings": True,
        }
    )


def kv_tokens(done: Done) -> dict[str, int]:
    found = {}
    for manifest in done.manifests:
        if manifest["kind"] == "Deployment":
            args = manifest["spec"]["template"]["spec"]["containers"][0]["args"]
            found[manifest["metadata"]["name"]] = int(args[args.index("--max-total-tokens") + 1])
    return found


def test_model_config_gives_the_facts_to_all_or_to_one(tmp_path: Path) -> None:
    pair = named("a", **CPU_SGLANG), named("b", **CPU_SGLANG)
    two, eight = (config(tmp_path / str(layers), llama(layers)) for layers in (2, 8))
    assumed = int(8 * 2**30 * 0.9 / 2) // 131072
    assert kv_tokens(render(*pair)) == {"a": assumed, "b": assumed}
    small = kv_tokens(render(*pair, args=("--model-config", two)))
    assert small["a"] == small["b"] > assumed
    assert kv_tokens(render(*pair, args=("--model-config", f"b={two}"))) == {"a": assumed, "b": small["b"]}
    both = kv_tokens(render(*pair, args=("--model-config", two, "--model-config", f"a={eight}")))
    assert both["b"] == small["b"]
    assert assumed < both["a"] < small["a"] / 3


def test_a_folder_may_have_an_equals_sign_in_its_path(tmp_path: Path) -> None:
    folder = config(tmp_path / "step=1", llama(2))
    found = kv_tokens(render(named("a", **CPU_SGLANG), args=("--model-config", folder)))
    assert found != kv_tokens(render(named("a", **CPU_SGLANG)))


def test_a_name_cannot_steer_the_terminal() -> None:
    done = render({**resource(), "metadata": {"name": "a\x1b[31m"}})
    assert done.code == 3
    assert "\x1b" not in done.err


@pytest.mark.parametrize(
    ("text", "said"),
    [(None, "holds no config.json"), ("{", "not JSON"), ("[]", "not a JSON object"), ("\udcff", "not JSON")],
)
def test_a_model_config_that_cannot_be_used_is_exit_1(tmp_path: Path, text: str | None, said: str) -> None:
    if text is not None:
        (tmp_path / "config.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    done = render(named("a"), args=("--model-config", str(tmp_path)))
    assert (done.code, done.out) == (1, "")
    assert "--model-config" in done.err
    assert said in done.err


def test_a_model_config_for_a_name_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    done = render(named("a"), args=("--model-config", f"b={config(tmp_path / 'c', llama(2))}"))
    assert (done.code, done.out) == (1, "")
    assert "no ModelDeployment named b" in done.err


def test_settings_shape_the_children(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("hub: {endpoint: 'https://mirror.example.com'}\nengineImages: {vLLM: {GPU: 'r/vllm:v0.32.0'}}\n")
    done = render(named("a"), args=("--config", str(file)))
    spec = done.manifests[0]["spec"]["template"]["spec"]
    assert spec["containers"][0]["image"] == "r/vllm:v0.32.0"
    endpoint = {"name": "HF_ENDPOINT", "value": "https://mirror.example.com"}
    assert endpoint in spec["initContainers"][0]["env"]


def test_the_version_of_the_charts_image_decides_what_is_valid(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("engineImages: {vLLM: {GPU: 'r/vllm:v0.8.5'}}\n")
    resource = named("a", quantization="mxfp4")
    assert render(resource).code == 0
    done = render(resource, args=("--config", str(file)))
    assert done.code == 3
    assert "vLLM 0.8.5 does not have mxfp4" in done.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "No such file"),
        ("hub: [", "while parsing"),
        ("hub: {endpoints: 'https://x'}", "hub.endpoints"),
        ("hub: {endpoint: 'ftp://x'}", "hub.endpoint"),
        ("fetcher: {env: {NO_PROXY: 1}}", "fetcher.env.NO_PROXY"),
        ("engineImages: {vllm: {GPU: x}}", "engineImages.vllm"),
        ("- a list", "the file"),
        (b"\xff\xfe\x00", "not UTF-8"),
    ],
)
def test_settings_that_cannot_be_used_are_exit_1_with_the_field(
    tmp_path: Path, text: str | bytes | None, said: str
) -> None:
    file = tmp_path / "settings.yaml"
    if text is not None:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    done = render(named("a"), args=("--config", str(file)))
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"--config {file}: ")
    assert said in done.err


WORDS = ("y", "n", "on", "1e3", "1e+3", "0o17", "0x1F", "12:30", "2026-01-01", "~", "", "true", ".5", "1_000", "a: b")


def test_a_string_stays_one_for_go_too() -> None:
    env = [{"name": f"V{index}", "value": word} for index, word in enumerate(WORDS)]
    done = render(named("a", engine={"type": "vLLM", "env": env}))
    # The loader reads scalars as sigs.k8s.io/yaml does; it returns ModelDeployments only, hence the kind.
    text = (
        done.out.split("---")[0]
        .replace("apps/v1", "modelberth.dev/v1")
        .replace("kind: Deployment", "kind: ModelDeployment")
    )
    deployment = load(text)[0].resource
    found = deployment["spec"]["template"]["spec"]["containers"][0]["env"][-len(WORDS) :]
    assert [variable["value"] for variable in found] == list(WORDS)
    assert yaml.safe_load(done.out.split("---")[0])["kind"] == "Deployment"


def test_no_anchors() -> None:
    out = render(named("a", replicas=2)).out
    assert "&id" not in out
    assert "*id" not in out
