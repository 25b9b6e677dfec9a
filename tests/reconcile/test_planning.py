"""What does not fit starts no pod and says what would; what runs is never touched by what is learnt later."""

import copy
from collections import Counter
from typing import Any

from modelberth.api.meta import KIND
from modelberth.planner.policy import PLAN_POLICY
from modelberth.ports.hub import HubProblem
from modelberth.reconcile.lookups import RETRY_S
from tests.fakes.cluster import Cluster
from tests.fakes.hub import unreachable
from tests.fakes.resources import KEY, model_deployment

LLAMA_8B: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "max_position_embeddings": 131072,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
}
L4: dict[str, Any] = {"gpu": {"type": "NVIDIA-L4"}}
"""22 GiB: Llama 3 8B fits with a short context, not with the whole of its own."""
FITS = {**L4, "maxModelLen": 4096}
TOO_LONG = {**L4, "maxModelLen": 131072}


def ready(cluster: Cluster, config: dict[str, Any] | None = LLAMA_8B) -> Cluster:
    if config is not None:
        cluster.hub.configs["acme/model"] = config
    return cluster


async def test_a_plan_is_told_and_its_numbers_are_in_status(cluster: Cluster) -> None:
    await ready(cluster).serving(model_deployment(**FITS))
    assert cluster.state("Planned") == ("True", "Fits")
    plan = cluster.status["plan"]
    assert plan["fits"] is True
    assert plan["gpusPerReplica"] == 1
    assert 14 < plan["perGpu"]["weightsGiB"] < 16
    assert plan["kvCacheTokens"] > 4096
    cluster.kube.forget_writes()
    await cluster.restart()
    await cluster.settle(600)
    assert cluster.kube.writes == Counter()
    assert not cluster.hub.asked


async def test_what_does_not_fit_makes_nothing_and_says_what_would(cluster: Cluster) -> None:
    await ready(cluster).create(model_deployment(**TOO_LONG))
    assert {at[0] for at in cluster.kube.objects} == {KIND}
    assert cluster.state() == ("False", "DoesNotFit")
    assert cluster.state("Stalled") == ("True", "DoesNotFit")
    assert cluster.state("Planned") == ("False", "DoesNotFit")
    plan = cluster.status["plan"]
    assert plan["fits"] is False
    assert plan["advice"][0]["fits"] is True
    assert plan["advice"][0]["change"] in cluster.condition("Stalled")["message"]
    writes = Counter(cluster.kube.writes)
    assert writes == Counter({("apply", f"{KIND}/status"): 1})
    assert len(cluster.kube.events) == 1
    await cluster.settle(3600)
    await cluster.restart()
    await cluster.settle(600)
    assert cluster.kube.writes == writes


async def test_the_advice_can_be_taken(cluster: Cluster) -> None:
    await ready(cluster).create(model_deployment(**TOO_LONG))
    field, value = cluster.status["plan"]["advice"][0]["change"].split(": ")
    assert field == "maxModelLen"
    await cluster.change(maxModelLen=int(value))
    await cluster.serve()
    assert cluster.state("Planned") == ("True", "Fits")
    assert cluster.state("Stalled")[0] == "False"
    assert cluster.state() == ("True", "Serving")


async def test_an_older_revision_serves_on(cluster: Cluster) -> None:
    await ready(cluster).serving(model_deployment(**FITS))
    before = copy.deepcopy(cluster.deployment)
    await cluster.change(maxModelLen=131072)
    await cluster.settle(600)
    assert cluster.deployment == before
    assert cluster.state() == ("True", "DoesNotFit")
    assert cluster.state("Stalled") == ("True", "DoesNotFit")
    assert cluster.status["plan"]["fits"] is False
    # Taken back, everything is as before, and nobody is asked.
    cluster.hub.problem = unreachable()
    await cluster.change(maxModelLen=4096)
    await cluster.settle(60)
    assert cluster.deployment == before
    assert cluster.state() == ("True", "Serving")
    assert cluster.status["plan"]["fits"] is True


async def test_an_expert_may_overrule(cluster: Cluster) -> None:
    await ready(cluster).create(model_deployment(**TOO_LONG))
    cluster.kube.edit(KIND, *KEY, lambda raw: raw["metadata"].update(annotations={PLAN_POLICY: "Warn"}))
    await cluster.settle()
    await cluster.serve()
    assert cluster.state() == ("True", "Serving")
    assert cluster.state("Stalled")[0] == "False"
    assert cluster.state("Planned") == ("False", "DoesNotFit")
    # What runs is not taken down when the annotation goes.
    cluster.kube.edit(KIND, *KEY, lambda raw: raw["metadata"].update(annotations={}))
    await cluster.settle(600)
    assert cluster.state() == ("True", "Serving")


async def test_without_a_gpu_type_nothing_is_judged_and_no_file_is_read(cluster: Cluster) -> None:
    await ready(cluster).serving(model_deployment(maxModelLen=131072))
    assert cluster.state() == ("True", "Serving")
    assert cluster.state("Planned") == ("Unknown", "UnknownGpu")
    assert "fits" not in cluster.status["plan"]
    assert not cluster.hub.read


async def test_while_the_hub_is_away_the_plan_says_what_is_known(cluster: Cluster) -> None:
    ready(cluster).hub.problem = unreachable()
    await cluster.create(model_deployment(**FITS, parallelism={"tensor": 2}))
    assert cluster.state() == ("False", "HubUnreachable")
    assert cluster.state("Planned") == ("Unknown", "FactsMissing")
    assert cluster.status["plan"] == {"estimated": True, "gpusPerReplica": 2}
    writes = Counter(cluster.kube.writes)
    await cluster.settle(600)
    assert cluster.kube.writes == writes
    cluster.hub.problem = None
    await cluster.settle(301)
    assert cluster.state("Planned") == ("True", "Fits")


async def test_facts_that_arrive_late_are_told_and_roll_nothing(cluster: Cluster) -> None:
    ready(cluster).hub.unread = HubProblem("HubUnreachable", "The hub does not answer.", transient=True)
    await cluster.create(model_deployment(**TOO_LONG))
    await cluster.serve()
    assert cluster.state() == ("True", "Serving")
    assert cluster.state("Planned") == ("Unknown", "FactsMissing")
    assert "The hub does not answer." in cluster.condition("Planned")["message"]
    template = copy.deepcopy(cluster.deployment["spec"])
    cluster.kube.forget_writes()
    cluster.hub.unread = None
    await cluster.settle(sum(RETRY_S))
    assert cluster.state() == ("True", "Serving")
    assert cluster.state("Planned") == ("False", "DoesNotFit")
    assert cluster.status["plan"]["fits"] is False
    assert cluster.deployment["spec"] == template
    assert cluster.kube.writes == Counter({("apply", "Deployment"): 1, ("apply", f"{KIND}/status"): 1})
    cluster.kube.forget_writes()
    await cluster.restart()
    await cluster.settle(3600)
    assert cluster.kube.writes == Counter()


async def test_a_config_that_is_garbage_is_no_crash(cluster: Cluster) -> None:
    await ready(cluster, {"architectures": 7, "hidden_size": "x" * 1000}).create(model_deployment(**FITS))
    await cluster.serve()
    assert cluster.state() == ("True", "Serving")
    assert cluster.state("Planned")[0] == "Unknown"


async def test_hardware_that_cannot_run_it_is_refused(cluster: Cluster) -> None:
    await ready(cluster).create(model_deployment(gpu={"type": "Tesla-T4"}, dtype="bfloat16", maxModelLen=128))
    assert cluster.child("Deployment") is None
    assert cluster.state("Stalled") == ("True", "UnsupportedHardware")
    assert "bfloat16" in cluster.condition("Stalled")["message"]
