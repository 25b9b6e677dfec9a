"""A Debian base image made from packages, where no registry can be reached: debootstrap, then slimmed like Docker's."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from e2e.cluster.commands import run
from e2e.cluster.interface import ClusterError
from images.build_settings import host_apt_sources

_SCRIPTS = Path("/usr/share/debootstrap/scripts")
# What the slim variants of the official images leave out (documentation), and what debootstrap leaves behind.
_DROPPED = ("usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale", "usr/share/lintian")
_EMPTIED = ("var/cache/apt/archives", "var/lib/apt/lists", "var/log", "tmp")
_CONTAINERFILE = """\
FROM scratch
ADD rootfs.tar /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
CMD ["bash"]
"""


def suite_of(base: str) -> str:
    """`docker.io/library/debian:trixie-slim` -> `trixie`.

    Raises:
        ValueError: not one of Debian's official slim images, so debootstrap cannot make it.
    """
    match = re.fullmatch(r"docker\.io/library/debian:([a-z]+)-slim", base)
    if match is None:
        raise ValueError(f"{base} is no slim Debian image")
    return match[1]


def make_context(suite: str, folder: Path) -> None:
    """Write a build context of the base image to `folder`: a root file system and its Containerfile (20 s).

    Its apt knows no mirror: every build on it gets this machine's as a secret (build_settings.py).

    Raises:
        ClusterError: this machine's apt knows no Debian mirror.
    """
    sources = host_apt_sources()
    if sources is None:
        raise ClusterError(
            "debootstrap needs a Debian mirror, and this machine's apt knows none: "
            "add one to /etc/apt/sources.list, or install Docker or Podman"
        )
    with tempfile.TemporaryDirectory(prefix="rootfs-", dir=folder) as scratch:
        root = Path(scratch) / "root"
        # An older debootstrap does not know a younger suite's name; all since 2016 are made by the same script.
        script = [] if (_SCRIPTS / suite).exists() else [str(_SCRIPTS / "sid")]
        run(["debootstrap", "--variant=minbase", suite, str(root), sources.debian, *script])
        _slim(root)
        (root / "etc/apt/sources.list").unlink(missing_ok=True)
        run(["tar", "--create", "--numeric-owner", "--file", str(folder / "rootfs.tar"), "--directory", str(root), "."])
    (folder / "Containerfile").write_text(_CONTAINERFILE)


def _slim(root: Path) -> None:
    for name in _DROPPED:
        shutil.rmtree(root / name, ignore_errors=True)
        (root / name).mkdir(parents=True)
    for name in _EMPTIED:
        for entry in (root / name).iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
    # dpkg keeps it out of later packages as well, copyright files excepted (the licences ask for them).
    rules = "".join(f"path-exclude /{name}/*\n" for name in _DROPPED) + "path-include /usr/share/doc/*/copyright\n"
    (root / "etc/dpkg/dpkg.cfg.d/slim").write_text(rules)
