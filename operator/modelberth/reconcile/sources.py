"""Reads the model's files before its pods are built: asks the hub, or has a pod of the tenant do it."""

from dataclasses import dataclass, field, replace

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.manifests.facts_pod import facts_pod
from modelberth.manifests.settings import Settings
from modelberth.planner.files import ModelFiles
from modelberth.ports.kube import Kube
from modelberth.reconcile.errands import Errands
from modelberth.reconcile.facts import AskPod, asks_mounted, facts_from_hub
from modelberth.reconcile.facts_pod import Step, ask_pod
from modelberth.reconcile.lookups import Answer, Lookups, Question
from modelberth.reconcile.observed import Observed, Raw, View
from modelberth.reconcile.problem import Problem
from modelberth.reconcile.timers import Key, Timers


@dataclass
class Sources:
    """Never blocks a worker: whoever asks is queued again when there is an answer."""

    kube: Kube
    view: View
    lookups: Lookups
    settings: Settings
    _again: Timers = field(default_factory=Timers)
    """When a pod that could not read the files is made again."""

    def ask(self, question: Question, key: Key) -> Answer | None:
        """The hub's answer, or None while it is asked."""
        return self.lookups.ask(question, key)

    def forget(self, key: Key) -> None:
        """The ModelDeployment is gone."""
        self._again.forget(key)

    async def read(self, key: Key, md: ModelDeployment, observed: Observed) -> Answer | Step | None:
        """The answer; how far the pod is that reads the files; or None while the hub is asked. Raises ApiError."""
        answer = facts_from_hub(md, observed, lambda question: self.ask(question, key))
        if not isinstance(answer, AskPod):
            return answer
        mounted = asks_mounted(md)
        if mounted and md.spec.replicas == 0 and md.spec.autoscaling is None:
            # Nothing is mounted, or brought up on a node, for pods that nobody asks for (see ``unread``).
            return Answer(files=ModelFiles(missing=("the model's files are read when replicas are asked for",)))
        desired = facts_pod(md, self.settings)
        found = ask_pod(observed, desired, mounted=mounted)
        if isinstance(found, Answer) and found.problem is not None:
            if wait := self._again.left(key, found.retry_s):
                return replace(found, retry_s=wait)
            found = Step("delete", Problem("ReadingModel", "The model's files are read again.", stalled=False))
        self._again.forget(key)
        return found if isinstance(found, Answer) else await self._take(found, desired, observed)

    async def _take(self, step: Step, desired: Raw, observed: Observed) -> Step:
        errands = Errands(self.kube, self.view)
        problem: Problem | None = None
        if step.act == "create":
            problem = await errands.create(desired, observed)
        elif step.act == "delete" and observed.facts_pod is not None:
            problem = await errands.delete(observed.facts_pod)
        return step if problem is None else Step("wait", problem)
