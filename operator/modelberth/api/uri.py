"""``spec.model.uri``: the grammar (as regular expressions that RE2, CEL and Python read alike) and its parser.

    hf://ORG/NAME[@REVISION][/FILE]    a repository of the model hub; FILE is one GGUF of it
    pvc://CLAIM[/PATH]                 a PersistentVolumeClaim of the namespace; PATH is a folder or a file
    oci://IMAGE                        a container image that holds the weights, mounted as an image volume

A revision runs from ``@`` up to the next ``/`` or the end, so slashes in it are percent-encoded (refs%2Fpr%2F1).
Dots cannot be percent-encoded and ``..`` is refused, so that no part leaves its folder.
"""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

_SAFE = "A-Za-z0-9._+=,()~-"
"""Characters that stand for themselves in revisions and paths."""
_ENCODED = "%(2[0-9A-Da-d]|[3-6][0-9A-Fa-f]|7[0-9A-Ea-e])"
"""Printable ASCII but the dot (2E) and the slash (2F)."""
_SEGMENT = f"([{_SAFE}]|{_ENCODED})+"
_REVISION = f"([{_SAFE}]|%2[Ff]|{_ENCODED})+"
# huggingface_hub refuses `--` and names that start or end with `-` or `.`.
_REPO_PART = r"[A-Za-z0-9_]+(([.-]|[.]-|-[.])[A-Za-z0-9_]+)*"
_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_IMAGE_HOST = "[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?(:[0-9]+)?"
_IMAGE_PART = "[a-z0-9]+([._-]+[a-z0-9]+)*"

HUB = f"^hf://{_REPO_PART}/{_REPO_PART}(@{_REVISION})?(/{_SEGMENT})*$"
HUB_FILE = "^hf://[^/]+/[^/]+/"
CLAIM = f"^pvc://{_LABEL}([.]{_LABEL})*(/{_SEGMENT})*/?$"
IMAGE = f"^oci://{_IMAGE_HOST}(/{_IMAGE_PART})*(:[A-Za-z0-9_][A-Za-z0-9._-]*)?(@sha256:[a-f0-9]{{64}})?$"
DOTS = "[.][.]|/[.](/|$)"
"""A path that would leave its folder; refused in every URI."""
GGUF = "[.][Gg][Gg][Uu][Ff]$"


@dataclass(frozen=True)
class HubUri:
    """A repository of the model hub."""

    repo: str
    """ORG/NAME."""
    revision: str | None = None
    """Branch, tag or commit, decoded; None is the hub's default branch."""
    file: str | None = None
    """Path of one file in the repository, decoded."""

    def __str__(self) -> str:
        revision = f"@{_quoted(self.revision)}" if self.revision else ""
        file = f"/{_quoted_path(self.file)}" if self.file else ""
        return f"hf://{self.repo}{revision}{file}"


@dataclass(frozen=True)
class ClaimUri:
    """A folder or file in a PersistentVolumeClaim."""

    claim: str
    path: str = ""
    """Relative to the root of the volume, decoded; empty is the root."""

    def __str__(self) -> str:
        return f"pvc://{self.claim}/{_quoted_path(self.path)}" if self.path else f"pvc://{self.claim}"


@dataclass(frozen=True)
class ImageUri:
    """An image volume."""

    reference: str

    def __str__(self) -> str:
        return f"oci://{self.reference}"


ModelUri = HubUri | ClaimUri | ImageUri


def parse_uri(uri: str) -> ModelUri:
    """Parses a URI. Raises ValueError with the grammar where it has none of the three forms."""
    if not re.search(DOTS, uri):
        if re.fullmatch(HUB, uri):
            return _hub(uri.removeprefix("hf://"))
        if re.fullmatch(CLAIM, uri):
            claim, _, path = uri.removeprefix("pvc://").partition("/")
            return ClaimUri(claim, unquote(path.rstrip("/")))
        if re.fullmatch(IMAGE, uri):
            return ImageUri(uri.removeprefix("oci://"))
    raise ValueError(
        f"{uri!r} is not hf://org/name[@revision][/file.gguf], pvc://claim[/path] or oci://image, without `..`"
    )


def _hub(text: str) -> HubUri:
    org, name, *segments = text.split("/")
    name, _, revision = name.partition("@")
    file = unquote("/".join(segments))
    return HubUri(f"{org}/{name}", unquote(revision) or None, file or None)


def _quoted(text: str) -> str:
    return quote(text, safe="+=,()~")


def _quoted_path(path: str) -> str:
    return "/".join(_quoted(segment) for segment in path.split("/"))
