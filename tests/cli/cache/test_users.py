"""Who uses which entry: told by what pods and Deployments say of themselves."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.cli.cache.place import Claim, NodePath
from modelberth.cli.cache.users import TASK_LABEL, User, entry_of, users

from .objects import COMMIT, ENTRY, FETCH_ARGS, deployment, pod

Raw = dict[str, Any]
CLAIM = Claim("models", "weights")


@pytest.mark.parametrize(
    ("arguments", "entry"),
    [
        (FETCH_ARGS, ENTRY),
        (FETCH_ARGS[:-2], "org--m--*--model"),
        ([*FETCH_ARGS, "--trust-remote-code"], f"{ENTRY}--code"),
        (["fetch", f"hf://org/m@{COMMIT}", "--to", "/models", "--engine", "SGLang", "--cache", "/cache"], ENTRY),
        (["fetch", "hf://org/m", "--to", "/models", "--engine", "vLLM"], None),
        (["fetch", "pvc://a/b", "--to", "/models", "--engine", "vLLM", "--cache", "/cache"], None),
        (["fetch", "hf://org/m"], None),
        (["fetch", "--help"], None),
        (["serve", "org/m"], None),
        ([], None),
    ],
)
def test_the_entry_of_a_fetcher(arguments: list[str], entry: str | None, capfd: pytest.CaptureFixture[str]) -> None:
    assert entry_of(arguments) == entry
    assert capfd.readouterr() == ("", "")


@given(st.lists(st.sampled_from([*FETCH_ARGS, "--allow-pickle", "--revision"]) | st.text(max_size=20), max_size=12))
def test_any_arguments_are_read(arguments: list[str]) -> None:
    found = entry_of(arguments)
    assert found is None or "/" not in found


def found(*objects: Raw, place: Claim | NodePath = CLAIM) -> list[User]:
    kinds = {kind: [raw for raw in objects if raw["kind"] == kind] for kind in ("Deployment", "Pod")}
    return users(kinds["Deployment"], kinds["Pod"], place)


def test_whoever_mounts_the_claim(capfd: pytest.CaptureFixture[str]) -> None:
    """At zero replicas too: it will want its weights again."""
    everybody = found(
        deployment("llama", replicas=0),
        deployment("other", volume={"persistentVolumeClaim": {"claimName": "others"}}),
        pod("llama-1", node="gpu-1"),
        pod("prefetch", as_init=False),
        pod("ended", phase="Succeeded"),
        pod("broken", phase="Failed"),
        pod("looks", labels={TASK_LABEL: "true"}),
        pod("toolbox", arguments=None),
        pod("serves-it", arguments=["fetch", "hf://org/m", "--to", "/models", "--engine", "vLLM"]),
    )
    assert [(user.title, user.entry, user.node) for user in everybody] == [
        ("Deployment models/llama", ENTRY, None),
        ("Pod models/llama-1", ENTRY, "gpu-1"),
        ("Pod models/prefetch", ENTRY, None),
        ("Pod models/toolbox", None, None),
        ("Pod models/serves-it", None, None),
    ]


@pytest.mark.parametrize(
    ("path", "node", "is_user"),
    [
        ("/var/lib/weights", "gpu-1", True),
        ("/var/lib/weights/", None, True),
        ("/var/lib/weights/entry", "gpu-1", True),
        ("/var/lib/weights", "gpu-2", False),
        ("/var/lib/weights2", "gpu-1", False),
        ("/var", "gpu-1", False),
    ],
)
def test_whoever_mounts_the_directory(path: str, node: str | None, is_user: bool) -> None:
    place = NodePath("models", "/var/lib/weights", "gpu-1")
    assert bool(found(pod("p", node=node, volume={"hostPath": {"path": path}}), place=place)) == is_user
    assert not found(pod("p", node="gpu-1"), place=place)
