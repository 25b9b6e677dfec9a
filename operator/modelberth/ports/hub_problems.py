"""Why a model cannot be had, in the reasons that status shows. Nothing is imported here: pure code raises these too."""

from typing import Literal

Reason = Literal[
    "ModelNotFound",
    "ModelGated",
    "RevisionNotFound",
    "HubUnreachable",
    "DownloadFailed",
    "NotEnoughDisk",
    "CheckpointCorrupt",
    "UnsupportedModel",
]


class HubProblem(Exception):  # noqa: N818 - a problem with a way out, as status tells it
    """Why the model cannot be had: a stable reason, and a message with what, why and the way out."""

    def __init__(self, reason: Reason, message: str, transient: bool = False) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message
        self.transient = transient
        """True when the same question may be answered later without anybody changing anything."""
