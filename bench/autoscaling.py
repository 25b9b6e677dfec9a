"""Our autoscaling policy beside two in the manner of peers, on the same requests with the same target.

    python bench/autoscaling.py

Nothing is measured: replicas with slots, a start delay and one queue are simulated, with seeded requests, so the
table is the same on every machine. `over` and `under` are replica-minutes beyond and below what would serve every
request at once; a wait is the time until a request has a slot. `naive` is our policy, were all that waits a reason
for more replicas while some are coming.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.scaling.policies import Knative, Kubernetes, Naive, Ours
from bench.scaling.shapes import SHAPES, requests_of
from bench.scaling.simulator import Outcome, Policy, replay


def main() -> None:
    counts = f"{'over':>7}{'under':>7}{'most':>6}{'changes':>9}{'mean wait':>11}{'p99':>8}{'lost':>6}"
    print(f"{'load':<18}{'policy':<12}{counts}")
    for shape in SHAPES:
        requests = requests_of(shape)
        policies: dict[str, Policy] = {
            "Modelberth": Ours(shape.min_replicas),
            "naive": Naive(shape.min_replicas),
            "KPA-like": Knative(shape.min_replicas),
            "HPA-like": Kubernetes(shape.min_replicas),
        }
        for name, policy in policies.items():
            first = max(shape.min_replicas, 1 if name == "HPA-like" else 0)
            print(f"{shape.name:<18}{name:<12}{_row(replay(requests, policy, shape.start_s, first))}")


def _row(outcome: Outcome) -> str:
    waits = sorted(outcome.waits_s)
    mean, p99 = sum(waits) / len(waits), waits[int(len(waits) * 0.99)]
    return (
        f"{outcome.over / 60:>7.0f}{outcome.under / 60:>7.0f}{outcome.most:>6}{outcome.changes:>9}"
        f"{mean:>9.1f} s{p99:>6.0f} s{outcome.unanswered:>6}"
    )


if __name__ == "__main__":
    main()
