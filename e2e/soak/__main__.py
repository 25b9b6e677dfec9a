"""`python -m e2e.soak`: brings the cluster up, breaks it for a while and prints how long everything took to heal.

The same seed disturbs the same resources in the same order, as long as nothing else has changed. A failing run leaves
the cluster as it is. A cluster of its own keeps it out of everybody's way: MODELBERTH_CLUSTER=soak.
"""

import argparse
import random
import sys
import time

from e2e.cluster import ClusterError, choose
from e2e.command import CommandError
from e2e.install.client import start_client
from e2e.install.hub import install_hub
from e2e.install.operator import install_operator
from e2e.install.stage import stage
from e2e.soak.running import soak, unsuitable
from e2e.soak.schedule import DISTURBANCES
from e2e.soak.soak import Options


def main() -> int:
    """0 when everything healed every time; 1 with the reason otherwise."""
    options, seed = _arguments()
    started = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - started:6.0f} s  {line}", flush=True)

    try:
        platform = stage(choose())
        if why := unsuitable(platform):
            print(why, file=sys.stderr)
            return 1
        install_hub(platform)
        install_operator(platform)
        say(f"seed {seed}")
        with soak(platform, seed, say) as made:
            print(f"\n{made.run(start_client(platform), options)}")
    except (ClusterError, CommandError, AssertionError) as error:
        print(f"\n{error}\n\nThe same again: {_command(options, seed)}", file=sys.stderr)
        return 1
    return 0


def _arguments() -> tuple[Options, int]:
    usual = Options()
    parser = argparse.ArgumentParser(
        prog="python -m e2e.soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=usual.minutes, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=random.randrange(10_000), help="default: another each time")
    parser.add_argument("--resources", type=int, default=usual.resources, help="at least 18; default: %(default)s")
    parser.add_argument("--rest", type=float, default=usual.rest_s, metavar="SECONDS", help="default: %(default)s")
    parser.add_argument("--only", nargs="+", choices=DISTURBANCES, default=usual.only, metavar="DISTURBANCE")
    given = parser.parse_args()
    return Options(given.resources, given.minutes, given.rest, given.only), given.seed


def _command(options: Options, seed: int) -> str:
    words = f"python -m e2e.soak --seed {seed} --minutes {options.minutes:g} --rest {options.rest_s:g}"
    only = "" if options.only == list(DISTURBANCES) else " --only " + " ".join(map(repr, options.only))
    return f"{words} --resources {options.resources}{only}"


if __name__ == "__main__":
    sys.exit(main())
