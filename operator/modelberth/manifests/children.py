"""All children of one ModelDeployment."""

import hashlib
import json

from modelberth.api.engine_facts import Version
from modelberth.api.modeldeployment import ModelDeployment
from modelberth.api.spec import Device, EngineType
from modelberth.engines.catalogue import ENGINES, IMAGES
from modelberth.engines.engine import Berth
from modelberth.manifests.activator_slice import activator_slice
from modelberth.manifests.cache_claim import cache_claim
from modelberth.manifests.deployment import deployment
from modelberth.manifests.disruption import disruption_budget
from modelberth.manifests.engine_container import Run
from modelberth.manifests.facts import Facts, digest
from modelberth.manifests.merge import merged
from modelberth.manifests.names import HASH, REVISION, Manifest
from modelberth.manifests.pod import pod_template
from modelberth.manifests.revision import History, Revision, revision_of
from modelberth.manifests.scale import Scale, disruptable, first_replicas
from modelberth.manifests.service import service
from modelberth.manifests.settings import Settings
from modelberth.manifests.weights import weights


def chosen_image(engine: EngineType, device: Device, settings: Settings) -> str:
    """The chart's image for the engine and device, else the built-in pin."""
    return settings.engine_images.get(engine, {}).get(device) or IMAGES[engine][device]


def engine_image(md: ModelDeployment, settings: Settings) -> str:
    """spec.engine.image, else the default of this installation."""
    return md.spec.engine.image or chosen_image(md.spec.engine.type, md.spec.device, settings)


def engine_version(md: ModelDeployment, image: str) -> tuple[Version, bool]:
    """Version of the engine in the image, and whether it is known: an unknown one is treated as the newest."""
    return ENGINES[md.spec.engine.type].facts.version_of(image, md.spec.engine.version)


def built(md: ModelDeployment, facts: Facts, settings: Settings) -> Revision:
    """The pods that this version of the operator makes of the resource."""
    template = _template(md, facts, settings)
    labelled = merged(template, {"metadata": {"labels": {REVISION: digest(template)}}})
    return revision_of(md, facts, labelled)


def children(
    md: ModelDeployment, revision: Revision, scale: Scale | None = None, history: History | None = None
) -> list[Manifest]:
    """Manifests in the order in which they are applied, each with its digest. ``scale`` None: as at first."""
    scale = scale or Scale(first_replicas(md))
    # The Deployment goes first: if the API server refuses it (a bad podTemplate), nothing else was made.
    manifests = [deployment(md, revision, history or History(), scale.replicas), service(md)]
    if scale.port is not None and scale.door is not None:
        manifests.append(activator_slice(md, scale.port, scale.door))
    if disruptable(md):
        manifests.append(disruption_budget(md))
    if (claim := cache_claim(md)) is not None:
        manifests.append(claim)
    return [digested(manifest) for manifest in manifests]


def _template(md: ModelDeployment, facts: Facts, settings: Settings) -> Manifest:
    engine = ENGINES[md.spec.engine.type]
    image = engine_image(md, settings)
    stored = weights(md, facts, settings)
    version, _ = engine_version(md, image)
    budget = facts.planned.launch
    launch = engine.launch(Berth(name=md.name, spec=md.spec, model_path=stored.path, version=version, budget=budget))
    return pod_template(md, Run(image, engine, launch), stored, settings)


def digested(manifest: Manifest) -> Manifest:
    """The manifest with the annotation that tells it from what was applied before."""
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    meta = manifest["metadata"]
    return {**manifest, "metadata": {**meta, "annotations": {**meta.get("annotations", {}), HASH: digest}}}
