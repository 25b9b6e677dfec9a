"""Makes the pods that run errands in the tenant's namespace, and takes them away."""

from dataclasses import dataclass

from modelberth.ports.kube import ApiError, Kube
from modelberth.reconcile.checks.admission import judged
from modelberth.reconcile.checks.words import refusal
from modelberth.reconcile.observed import Observed, Raw, View, owned_by
from modelberth.reconcile.problem import Problem
from modelberth.reconcile.refusal import rejection


@dataclass(frozen=True)
class Errands:
    """What the store learns from an answer is in it before the watch tells."""

    kube: Kube
    view: View

    async def create(self, pod: Raw, observed: Observed) -> Problem | None:
        """Why there is no such pod, if there is none. Raises ApiError where trying again soon helps."""
        meta = pod["metadata"]
        try:
            self.view.remember("Pod", await self.kube.create(pod))
        except ApiError as error:
            if error.status != 409:
                return _refusal(error)
            found = await self.kube.get("Pod", meta["namespace"], meta["name"])
            if found is not None and not owned_by(found, observed.uid):
                text = f"A Pod named {meta['name']} exists that this ModelDeployment did not create; it is left alone."
                return Problem("NameConflict", text + " Delete it.", stalled=True)
            # Ours, and the watch has not told yet.
            if found is not None:
                self.view.remember("Pod", found)
        return None

    async def delete(self, pod: Raw) -> Problem | None:
        """Why it stays, if it does. Raises ApiError where trying again soon helps."""
        meta = pod["metadata"]
        try:
            await self.kube.delete("Pod", meta["namespace"], meta["name"], meta["uid"])
        except ApiError as error:
            return _refusal(error)
        self.view.forget("Pod", pod)
        return None


def _refusal(error: ApiError) -> Problem:
    if error.transient or error.namespace_ends:
        raise error
    if error.status != 403:
        return rejection(error)
    found = judged(refusal(error.message))
    return Problem(found.reason, found.message, found.stalled)
