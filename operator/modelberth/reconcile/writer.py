"""apply: makes the children what they should be."""

import asyncio
import logging
from dataclasses import dataclass, field

from modelberth.api.meta import KIND
from modelberth.api.modeldeployment import ModelDeployment
from modelberth.manifests.children import children
from modelberth.ports.kube import Kube
from modelberth.reconcile.actions import Action, Settled, decide
from modelberth.reconcile.handover import SCALE_MANAGER, first_number, handover
from modelberth.reconcile.observed import Observed, Raw, View, gather, owned_by
from modelberth.reconcile.older import door_actions, new_number
from modelberth.reconcile.problem import Problem
from modelberth.reconcile.rollout import Rollout
from modelberth.reconcile.size import Size
from modelberth.reconcile.timers import Key

log = logging.getLogger(__name__)

BUILDING = 16
"""ModelDeployments whose manifests are built and compared at once: a Deployment takes 100 KiB meanwhile."""


@dataclass
class Writer:
    """Applies and deletes only what differs. Raises ApiError."""

    kube: Kube
    view: View
    settled: Settled = field(default_factory=Settled)
    _building: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(BUILDING))

    async def write(self, key: Key, md: ModelDeployment, rollout: Rollout, size: Size) -> Problem | None:
        """Makes the children what they should be, or says which name is taken."""
        async with self._building:
            observed = gather(self.view, *key)
            if observed is None:
                return None
            desired = children(md, rollout.revision, size.scale, rollout.history)
            problem = await self._conflict(desired, observed)
            if problem is not None:
                return problem
            if observed.workload is None:
                first_number(md, desired)
            else:
                await self._hand_over(md, observed.workload)
            actions = decide(desired, gather(self.view, *key) or observed, self.settled)
            del desired
            small = [action for action in actions if action.manifest["kind"] != "Deployment"]
            await self._act([action for action in actions if action.manifest["kind"] == "Deployment"])
            del actions
            if observed.workload is None and (made := gather(self.view, *key)) is not None and made.workload:
                await self._hand_over(md, made.workload)
        # Nothing large is held any more: in a burst these wait for cluster IPs by the hundred.
        await self._act(small)
        if observed.facts_pod is not None and not observed.facts_pod["metadata"].get("deletionTimestamp"):
            # What it said is frozen in the Deployment now.
            await self.delete("Pod", observed.facts_pod)
        return None

    async def resize(self, md: ModelDeployment, observed: Observed, size: Size) -> None:
        """Only the number of pods, and the activator's slice: the rest is of an older spec."""
        number = new_number(observed, size.scale)
        if number is not None:
            self.view.remember("Deployment", await self.kube.apply(number, manager=SCALE_MANAGER))
        await self._act(door_actions(md, observed, size.scale, self.settled))

    async def delete(self, kind: str, raw: Raw) -> None:
        """One object, if it is still the same."""
        meta = raw["metadata"]
        await self.kube.delete(kind, meta["namespace"], meta["name"], meta["uid"])
        self.view.forget(kind, raw)

    async def _hand_over(self, md: ModelDeployment, workload: Raw) -> None:
        piece = handover(md, workload)
        if piece is not None:
            self.view.remember("Deployment", await self.kube.apply(piece, manager=SCALE_MANAGER))

    async def _act(self, actions: list[Action]) -> None:
        for action in actions:
            kind = action.manifest["kind"]
            meta = action.manifest["metadata"]
            if action.verb == "apply":
                applied = await self.kube.apply(action.manifest)
                self.view.remember(kind, applied)
                self.settled.mark(applied, kind)
                log.info("applied %s %s", kind, meta["name"], extra={"key": (meta["namespace"], meta["name"])})
            else:
                await self.delete(kind, action.manifest)
                log.info("deleted %s %s", kind, meta["name"], extra={"key": (meta["namespace"], meta["name"])})

    async def _conflict(self, desired: list[Raw], observed: Observed) -> Problem | None:
        """A child of the same name that is not ours is never adopted: our watches may not even see it, so ask."""
        unseen = [manifest for manifest in desired if manifest["kind"] not in observed.children]
        found = await asyncio.gather(
            *(
                self.kube.get(manifest["kind"], manifest["metadata"]["namespace"], manifest["metadata"]["name"])
                for manifest in unseen
            )
        )
        seen = dict(observed.children)
        for manifest, child in zip(unseen, found, strict=True):
            if child is not None:
                child.setdefault("kind", manifest["kind"])
                seen[manifest["kind"]] = child
                if owned_by(child, observed.uid):
                    self.view.remember(manifest["kind"], child)
        for manifest in desired:
            child = seen.get(manifest["kind"])
            if child is not None and not owned_by(child, observed.uid):
                return _name_conflict(manifest["kind"], child, observed.resource["metadata"]["name"])
        return None


def _name_conflict(kind: str, child: Raw, resource: str) -> Problem:
    name = child["metadata"]["name"]
    owners = child["metadata"].get("ownerReferences") or []
    if child["metadata"].get("deletionTimestamp") or any(
        owner.get("kind") == KIND and owner.get("name") == resource for owner in owners
    ):
        return Problem("NameConflict", f"The {kind} {name} of an earlier owner is still being deleted.", stalled=False)
    text = f"A {kind} named {name} exists that this ModelDeployment did not create; it is left alone. "
    return Problem(
        "NameConflict", text + "Delete or rename it, or give the ModelDeployment another name.", stalled=True
    )
