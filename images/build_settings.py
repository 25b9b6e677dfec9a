"""How this machine reaches package registries, handed to a build as secrets: in no layer, in no label.

A Dockerfile mounts them at /run/secrets (images/tools/build-env reads them); a build without them works as well.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_PASSED_ON = (
    *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_DEFAULT_TIMEOUT"),
    *("UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_INSECURE_HOST", "UV_HTTP_TIMEOUT"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
)
_CA_VARIABLES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_CA_IN_BUILD = "/run/secrets/ca.pem"
_WITHOUT_SECURITY = ("forky",)
"""Suites that are not released yet have no security archive."""
_APT_SETTINGS = ("check-valid-until", "check-date", "retries", "http::proxy", "https::proxy")


@dataclass(frozen=True)
class AptSources:
    """Where this machine's own apt gets Debian and its security updates; None if it has none of the latter."""

    debian: str
    security: str | None = None


def write_secrets(folder: Path, suite: str, environ: Mapping[str, str] = os.environ) -> dict[str, Path]:
    """Write the secrets of a build on Debian `suite` to `folder`; returns secret id -> file, none if none is needed."""
    variables = {name: environ[name] for name in _PASSED_ON if environ.get(name)}
    pip_index = variables.get("PIP_INDEX_URL") or _output("pip", "config", "get", "global.index-url").strip()
    if pip_index:
        variables["PIP_INDEX_URL"] = pip_index
        if not {"UV_DEFAULT_INDEX", "UV_INDEX_URL"} & variables.keys():
            variables["UV_DEFAULT_INDEX"] = pip_index
    content: dict[str, str] = {}
    bundle = next((environ[name] for name in _CA_VARIABLES if environ.get(name)), None)
    if bundle is not None and Path(bundle).is_file():
        content["ca.pem"] = Path(bundle).read_text()
        variables |= {"SSL_CERT_FILE": _CA_IN_BUILD, "PIP_CERT": _CA_IN_BUILD}
    apt = apt_settings(_output("apt-config", "dump", "Acquire"), with_bundle="ca.pem" in content)
    sources = host_apt_sources()
    if sources is not None:
        content["sources.list"] = sources_list(sources, suite)
        apt += 'Dir::Etc::sourcelist "/run/secrets/sources.list";\nDir::Etc::sourceparts "-";\n'
    if apt:
        content["apt.conf"] = apt
        variables["APT_CONFIG"] = "/run/secrets/apt.conf"
    if variables:
        content["build.env"] = "".join(f"{name}={shlex.quote(value)}\n" for name, value in sorted(variables.items()))
    secrets = {}
    for name, text in content.items():
        secrets[name] = folder / name
        secrets[name].touch(mode=0o600)
        secrets[name].write_text(text)
    return secrets


def host_apt_sources() -> AptSources | None:
    """The mirrors of this machine's apt; None where it has none, and a build uses those of its base image."""
    return apt_sources(_output("apt-get", "indextargets", "--format", "$(ORIGIN)|$(LABEL)|$(REPO_URI)"))


def apt_sources(targets: str) -> AptSources | None:
    """Read `ORIGIN|LABEL|REPO_URI` lines of `apt-get indextargets`; None without a line of Debian."""
    found: dict[str, str] = {}
    for line in targets.splitlines():
        origin, label, uri = line.split("|", 2)
        if origin == "Debian":
            found.setdefault(label, uri.rstrip("/"))
    if "Debian" not in found:
        return None
    return AptSources(found["Debian"], found.get("Debian-Security"))


def sources_list(sources: AptSources, suite: str) -> str:
    """An apt sources.list for `suite` on those mirrors, non-free included (SGLang's image needs it)."""
    components = "main contrib non-free"
    lines = [f"deb {sources.debian} {suite} {components}", f"deb {sources.debian} {suite}-updates {components}"]
    if sources.security is not None and suite not in _WITHOUT_SECURITY:
        lines.append(f"deb {sources.security} {suite}-security {components}")
    return "\n".join(lines) + "\n"


def apt_settings(dump: str, *, with_bundle: bool) -> str:
    """The lines of `apt-config dump Acquire` that say how to reach a mirror, as an apt.conf."""
    kept = [line for line in dump.splitlines() if _is_passed_on(line)]
    if with_bundle:
        kept.append(f'Acquire::https::CAInfo "{_CA_IN_BUILD}";')
    return "".join(f"{line}\n" for line in kept)


def _is_passed_on(line: str) -> bool:
    name, _, value = line.partition(" ")
    return name.lower().removeprefix("acquire::") in _APT_SETTINGS and value not in {'"";', ""}


def _output(*command: str) -> str:
    """What a program prints; nothing if it fails or is not there (no apt: no Debian to ask)."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
