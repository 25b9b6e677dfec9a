"""All children of one ModelDeployment."""

import hashlib
import json
from dataclasses import replace

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.api.quantity import amount
from modelberth.api.spec import Device, EngineType
from modelberth.engines.catalogue import ENGINES, IMAGES
from modelberth.engines.engine import Berth
from modelberth.manifests.deployment import deployment
from modelberth.manifests.disruption import disruption_budget
from modelberth.manifests.engine_container import Run
from modelberth.manifests.facts import Facts, freeze, frozen_text
from modelberth.manifests.names import FROZEN, HASH, Manifest, metadata, pin_name
from modelberth.manifests.pod import pod_template
from modelberth.manifests.service import service
from modelberth.manifests.settings import Settings
from modelberth.manifests.weights import pin, weights
from modelberth.planner.budget import provisional_budget


def chosen_image(engine: EngineType, device: Device, settings: Settings) -> str:
    """The chart's image for the engine and device, else the built-in pin."""
    return settings.engine_images.get(engine, {}).get(device) or IMAGES[engine][device]


def engine_image(md: ModelDeployment, settings: Settings) -> str:
    """spec.engine.image, else the default of this installation."""
    return md.spec.engine.image or chosen_image(md.spec.engine.type, md.spec.device, settings)


def children(md: ModelDeployment, facts: Facts, settings: Settings, pinned: str | None = None) -> list[Manifest]:
    """Manifests in the order in which they are applied, each with its digest.

    ``pinned`` is the commit that a fetcher reported, for a private repository whose revision only it can resolve.
    """
    facts = replace(facts, fetcher_image=facts.fetcher_image or settings.fetcher.image)
    replicas = md.spec.replicas
    if _fetcher_resolves(md, facts) and pinned is None:
        # One pod resolves the revision; the others start once they can be told the same commit.
        replicas = min(replicas, 1)
    workload = deployment(md, replicas, _template(md, facts, settings))
    workload["metadata"]["annotations"] = {FROZEN: frozen_text(freeze(md, facts))}
    # The Deployment goes first: if the API server refuses it (a bad podTemplate), nothing else was made.
    manifests = [workload, service(md)]
    if pinned is not None:
        manifests.insert(0, pin(md, pinned, metadata(md, pin_name(md.name))))
    if md.spec.replicas > 1:
        manifests.append(disruption_budget(md))
    return [_digested(manifest) for manifest in manifests]


def _fetcher_resolves(md: ModelDeployment, facts: Facts) -> bool:
    return md.spec.model.uri.startswith("hf://") and facts.commit is None and md.spec.model.secret_ref is not None


def _template(md: ModelDeployment, facts: Facts, settings: Settings) -> Manifest:
    engine = ENGINES[md.spec.engine.type]
    image = engine_image(md, settings)
    stored = weights(md, facts, settings)
    version, _ = engine.facts.version_of(image, md.spec.engine.version)
    limit = md.spec.resources.limits.get("memory", 0)
    budget = provisional_budget(
        md.spec.device, md.spec.gpu_memory_utilization, int(amount(limit)), facts.kv_bytes_per_token
    )
    launch = engine.launch(Berth(name=md.name, spec=md.spec, model_path=stored.path, version=version, budget=budget))
    return pod_template(md, Run(image, engine, launch), stored, settings)


def _digested(manifest: Manifest) -> Manifest:
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    meta = manifest["metadata"]
    return {**manifest, "metadata": {**meta, "annotations": {**meta.get("annotations", {}), HASH: digest}}}
