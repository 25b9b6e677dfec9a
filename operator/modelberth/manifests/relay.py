"""The relay: a sidecar that hands out the engine's metrics without the API key, and drains the engine.

Only it holds the key beside the engine, so that the operator need not read Secrets; requests of users never pass it.
https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
"""

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.engines.container import API_KEY_FILE, drain_limit
from modelberth.manifests.engine_container import DRAIN_PAUSE_S, Run, secret_mounts
from modelberth.manifests.names import RELAY, Manifest
from modelberth.manifests.security import container_security
from modelberth.manifests.settings import Settings


def relay_container(md: ModelDeployment, run: Run, settings: Settings) -> Manifest:
    """An init container that stays: it starts before the engine, and ends after it, so /drain is always answered.

    It has no probes: a relay that is not ready takes its pod out of the Service, though the engine answers.
    """
    engine, launch = run.engine, run.launch
    args = ["relay", "--port", str(engine.metrics_port), "--engine-port", str(engine.port)]
    args += ["--drain-pause", str(DRAIN_PAUSE_S), "--drain-limit", str(drain_limit(md.spec))]
    if API_KEY_FILE in launch.secret_files:
        args += ["--key-file", API_KEY_FILE]
    mounts = secret_mounts(launch)
    return {
        "name": RELAY,
        "image": settings.fetcher.image,
        "imagePullPolicy": settings.fetcher.image_pull_policy,
        "args": args,
        "restartPolicy": "Always",
        "ports": [{"name": "metrics", "containerPort": engine.metrics_port, "protocol": "TCP"}],
        # It takes 16 MiB.
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}},
        "securityContext": container_security(),
        **({"volumeMounts": mounts} if mounts else {}),
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
