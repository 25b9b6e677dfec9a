"""`modelberth activator`: its options. What it does is in tests/activator."""

from pathlib import Path

import pytest

from tests.cli.command import modelberth


@pytest.mark.parametrize("option", ["--hold", "--max-requests", "--max-bytes", "--max-bytes-per-model"])
@pytest.mark.parametrize("value", ["0", "-1", "many"])
def test_a_bound_is_a_positive_number(option: str, value: str) -> None:
    done = modelberth("activator", option, value)
    assert done.code == 2
    assert "usage: modelberth activator" in done.err
    assert option in done.err


def test_settings_that_cannot_be_read(tmp_path: Path) -> None:
    done = modelberth("activator", "--config", str(tmp_path / "none.yaml"))
    assert done.code == 1
    assert "none.yaml" in done.err


def test_without_a_cluster_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = str(tmp_path / "none")
    monkeypatch.setattr("kubernetes.aio.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", missing, raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("KUBECONFIG", missing)
    assert modelberth("activator", "--port", "0").code == 1
