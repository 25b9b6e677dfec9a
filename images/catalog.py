"""The images: what each is built from and what it is called."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

_TOOLS = ("images/tools",)


@dataclass(frozen=True)
class Image:
    """One image; paths are relative to the root of the repository.

    `tag` is the version of the engine inside. Without one the tag is made from the content: `dev-<12 hex digits>`.
    `large`: gigabytes, so neither its layers nor its archive stay on the disk once the cluster has it.
    """

    name: str
    repository: str
    dockerfile: str
    inputs: tuple[str, ...]
    tag: str | None = None
    large: bool = False
    needs_models: bool = False

    def reference(self, content: str) -> str:
        """The image's full name; `content` is the hash of what it is built from."""
        return f"{self.repository}:{self.tag or f'dev-{content}'}"

    def base(self) -> str:
        """The Debian image that the Dockerfile starts from."""
        match = re.search(r"^ARG DEBIAN=(\S+)$", (ROOT / self.dockerfile).read_text(), re.MULTILINE)
        if match is None:
            raise ValueError(f"{self.dockerfile} names no base: ARG DEBIAN=...")
        return match[1]


IMAGES = {
    image.name: image
    for image in (
        Image(
            "operator",
            "modelberth/operator",
            "images/operator/Dockerfile",
            (*_TOOLS, "requirements.lock", "pyproject.toml", "README.md", "LICENSE", "operator/modelberth"),
        ),
        Image(
            "hub",
            "modelberth/hub",
            "e2e/hub/Dockerfile",
            (*_TOOLS, "e2e/__init__.py", "e2e/hub"),
            needs_models=True,
        ),
        Image("sdk", "modelberth/sdk", "e2e/drain/Dockerfile", (*_TOOLS, "e2e/drain/requirements.lock")),
        Image("llama-cpp", "modelberth/llama-cpp-cpu", "images/llama-cpp/Dockerfile", _TOOLS, tag="b11669"),
        Image(
            "vllm",
            "modelberth/vllm-cpu",
            "images/vllm/Dockerfile",
            (*_TOOLS, "images/vllm/requirements.lock"),
            tag="v0.32.0",
            large=True,
        ),
        Image(
            "sglang",
            "modelberth/sglang-cpu",
            "images/sglang/Dockerfile",
            (*_TOOLS, "images/sglang/torch.lock", "images/sglang/requirements.lock"),
            tag="v0.5.23",
            large=True,
        ),
    )
}
