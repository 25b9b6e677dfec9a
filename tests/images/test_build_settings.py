"""What a build learns of the machine it runs on."""

from __future__ import annotations

from pathlib import Path

import pytest

from images import build_settings
from images.build_settings import AptSources, apt_settings, apt_sources, sources_list, write_secrets


@pytest.fixture(autouse=True)
def _plain_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No apt, no pip: what the variables say is all there is."""
    monkeypatch.setattr(build_settings, "_output", lambda *command: "")


def test_a_plain_machine_needs_no_secrets(tmp_path: Path) -> None:
    assert write_secrets(tmp_path, "trixie", {"PATH": "/bin", "HOME": "/root"}) == {}


def test_indexes_proxies_and_the_bundle_are_passed_on(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("certificates")
    environ = {
        "PIP_INDEX_URL": "https://user:it's@index.example/simple",
        "https_proxy": "http://proxy.example:3128",
        "REQUESTS_CA_BUNDLE": str(bundle),
        "OPENAI_API_KEY": "not for a build",
    }
    secrets = write_secrets(tmp_path, "trixie", environ)
    assert secrets["ca.pem"].read_text() == "certificates"
    assert secrets["build.env"].stat().st_mode & 0o077 == 0
    lines = secrets["build.env"].read_text().splitlines()
    assert "SSL_CERT_FILE=/run/secrets/ca.pem" in lines
    assert """PIP_INDEX_URL='https://user:it'"'"'s@index.example/simple'""" in lines
    assert any(line.startswith("UV_DEFAULT_INDEX=") for line in lines)
    assert not any("OPENAI" in line for line in lines)


def test_the_mirror_of_this_machine_is_used() -> None:
    targets = (
        "Debian|Debian|http://mirror.example/debian/\n"
        "Debian|Debian-Security|http://mirror.example/security/\n"
        "Other|Other|https://other.example/\n"
    )
    sources = apt_sources(targets)
    assert sources == AptSources("http://mirror.example/debian", "http://mirror.example/security")
    assert "deb http://mirror.example/security trixie-security main contrib non-free\n" in sources_list(
        sources, "trixie"
    )


def test_without_debians_apt_the_base_images_own_sources_are_used() -> None:
    assert apt_sources("") is None
    assert apt_sources("Ubuntu|Ubuntu|http://ubuntu.example/ubuntu/\n") is None


def test_a_suite_that_is_not_released_has_no_security_archive() -> None:
    assert "security" not in sources_list(
        AptSources("http://mirror.example/debian", "http://mirror.example/s"), "forky"
    )


def test_apt_settings_that_say_how_to_reach_a_mirror() -> None:
    dump = (
        'Acquire "";\nAcquire::Check-Valid-Until "false";\nAcquire::http "";\n'
        'Acquire::http::Proxy "http://proxy.example:3128";\nAcquire::Languages "none";\n'
    )
    kept = 'Acquire::Check-Valid-Until "false";\nAcquire::http::Proxy "http://proxy.example:3128";\n'
    assert apt_settings(dump, with_bundle=False) == kept
    assert apt_settings("", with_bundle=True) == 'Acquire::https::CAInfo "/run/secrets/ca.pem";\n'
