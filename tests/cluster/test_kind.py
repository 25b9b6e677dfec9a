"""The configuration that kind reads."""

import json
from pathlib import Path

from e2e.cluster.kind import configuration


def test_the_audit_log_is_shared_with_this_machine() -> None:
    config = configuration(Path("/s/policy/audit-policy.yaml"), Path("/s/audit/audit.jsonl"))
    (node,) = config["nodes"]
    mounts = {mount["hostPath"]: mount["containerPath"] for mount in node["extraMounts"]}
    patch = json.loads(node["kubeadmConfigPatches"][0])
    arguments = patch["apiServer"]["extraArgs"]
    assert arguments["audit-policy-file"] == f"{mounts['/s/policy']}/audit-policy.yaml"
    assert arguments["audit-log-path"] == f"{mounts['/s/audit']}/audit.jsonl"
    assert {v["mountPath"] for v in patch["apiServer"]["extraVolumes"]} == set(mounts.values())


def test_patches_name_no_version_of_kubeadm() -> None:
    config = configuration(Path("/s/p/p.yaml"), Path("/s/a/a.jsonl"))
    for patch in map(json.loads, config["nodes"][0]["kubeadmConfigPatches"]):
        assert "apiVersion" not in patch
