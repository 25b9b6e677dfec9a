"""The hooks: files for the engine's own Python, put into the pod by an init container from the operator's image.

They start the engine, keep its last words, and let its clients go when the pod drains. llama.cpp has no Python.
"""

from modelberth.engines.engine import Engine, Launch
from modelberth.manifests.names import HOOKS, HOOKS_DIR, Manifest
from modelberth.manifests.security import container_security
from modelberth.manifests.settings import Settings


def hooks_containers(engine: Engine, settings: Settings) -> list[Manifest]:
    """The init container that copies the files."""
    if not engine.hooks:
        return []
    return [
        {
            "name": HOOKS,
            "image": settings.fetcher.image,
            "imagePullPolicy": settings.fetcher.image_pull_policy,
            "args": ["hooks", "--to", HOOKS_DIR],
            "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}},
            "securityContext": container_security(),
            "volumeMounts": [{"name": HOOKS, "mountPath": HOOKS_DIR}],
            "terminationMessagePolicy": "FallbackToLogsOnError",
        }
    ]


def hooks_volumes(engine: Engine) -> list[Manifest]:
    """Where the files are; they take some 40 KiB."""
    return [{"name": HOOKS, "emptyDir": {}}] if engine.hooks else []


def hooks_mounts(engine: Engine) -> list[Manifest]:
    """The files in the engine container."""
    return [{"name": HOOKS, "mountPath": HOOKS_DIR, "readOnly": True}] if engine.hooks else []


def start_command(engine: Engine, launch: Launch) -> list[str]:
    """What starts the engine, whose arguments follow."""
    runner = ["python3", f"{HOOKS_DIR}/run.py"] if engine.hooks else []
    return [*runner, *launch.command]


def drain_command(engine: Engine, pause: int, limit: int) -> list[str]:
    """What the kubelet runs in the engine container before SIGTERM; both times in seconds."""
    options = ["--port", str(engine.port), "--pause", str(pause), "--limit", str(limit)]
    return ["python3", f"{HOOKS_DIR}/drain.py", *options]
