"""The pins: complete, and turned into what the Go client reads."""

from dataclasses import replace
from pathlib import Path

import pytest

from e2e.cluster.binaries import SUMS, files
from e2e.cluster.kwok import STAGES
from e2e.cluster.local import PROGRAMS
from e2e.cluster.pins import Pin, pins

PIN = Pin("thing", "example.com/thing/v2", "v2.10.1", {"tool": "example.com/thing/v2/cmd/tool"})


def test_every_program_of_the_cluster_has_an_owner() -> None:
    for program in (*PROGRAMS, "helm", "kwok"):
        assert program in pins().owner(program).commands
    with pytest.raises(KeyError):
        pins().owner("docker")


@pytest.mark.parametrize("name", sorted(pins().modules))
def test_sums_are_committed_for_the_pinned_version(name: str) -> None:
    pin = pins().modules[name]
    assert f"{pin.module} {pin.version} h1:" in (SUMS / f"{name}.sum").read_text()


def test_go_mod_requires_only_the_module() -> None:
    assert PIN.go_mod("1.26.0").splitlines() == [
        "module modelberth.dev/e2e/cluster",
        "",
        "go 1.26.0",
        "",
        "require example.com/thing/v2 v2.10.1",
    ]


def test_go_mod_replaces_staging_modules() -> None:
    text = pins().modules["kubernetes"].go_mod("1.26.0")
    assert "\tk8s.io/api => k8s.io/api v0.36.3\n" in text


def test_go_mod_replaces_what_the_module_itself_replaces() -> None:
    pin = replace(PIN, replace=("example.com/a v1.0.0 => example.com/b v1.1.0",))
    assert pin.go_mod("1.26.0").endswith("\n\nreplace (\n\texample.com/a v1.0.0 => example.com/b v1.1.0\n)\n")


def test_linker_flags_stamp_the_version() -> None:
    flags = pins().modules["kubernetes"].linker_flags()
    assert "-X k8s.io/component-base/version.gitVersion=v1.36.3" in flags
    assert "-X k8s.io/client-go/pkg/version.gitMinor=36" in flags


def test_folder_is_named_by_version() -> None:
    assert PIN.folder == "thing-v2.10.1"


def test_kwok_stages_come_with_the_program() -> None:
    assert {path.rpartition("/")[2] for path in pins().modules["kwok"].data} == set(STAGES)


def test_data_of_a_module_may_be_a_folder(tmp_path: Path) -> None:
    for name in ("config/a.yaml", "config/crd/b.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert files(tmp_path / "config/a.yaml") == [tmp_path / "config/a.yaml"]
    assert files(tmp_path / "config") == [tmp_path / "config/a.yaml", tmp_path / "config/crd/b.yaml"]
