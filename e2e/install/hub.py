"""The model hub inside the cluster, so that hf:// takes its real path without the internet."""

from e2e.install.stage import ROOT, Stage

PLACEHOLDER = "modelberth/hub:dev"
"""Image in hub.yaml; the one that was built carries the digest of its content in its tag."""


def install_hub(stage: Stage) -> None:
    """Idempotent; returns when the hub answers."""
    manifest = (ROOT / "e2e" / "hub" / "hub.yaml").read_text(encoding="utf-8")
    stage.kubectl("apply", "-f", "-", stdin=manifest.replace(PLACEHOLDER, stage.image("hub")))
    stage.kubectl("-n", "modelberth-hub", "rollout", "status", "deployment/hub", "--timeout=120s")
