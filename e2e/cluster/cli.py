"""`python -m e2e.cluster`: the command line."""

import argparse
import os
import shlex
import sys
from collections.abc import Callable, Sequence

from e2e.cluster.api import Kubectl
from e2e.cluster.binaries import Binaries
from e2e.cluster.choose import WAYS, choose
from e2e.cluster.gpus import fake_gpus
from e2e.cluster.interface import Cluster, ClusterError
from e2e.cluster.kwok import Kwok
from e2e.cluster.local import PROGRAMS
from e2e.cluster.paths import paths
from e2e.cluster.pins import pins
from e2e.cluster.progress import say

NOT_READY = 3
"""Exit code of `status` while the cluster is not up; 1 is an error, 2 a wrong command line."""

DESCRIPTION = """\
A real Kubernetes cluster for tests, the demo and your own hands.

  python -m e2e.cluster up                      bring it up (the first time builds it: 10 to 15 minutes on 2 cores)
  eval "$(python -m e2e.cluster env)"           kubectl and helm for this shell
  python -m e2e.cluster load operator.tar       put an image into it
  python -m e2e.cluster down                    remove it; images are kept for the next one

Three ways, chosen by --cluster or $CLUSTER:
  kind      where kind is on the PATH and Docker or Podman answers (the default there)
  local     the daemons themselves, from source, as processes of this machine; root on Linux (the default elsewhere)
  current   the cluster that KUBECONFIG names; never changed, never chosen unasked

$MODELBERTH_CLUSTER names another one beside the usual cluster (kind and local): they share built programs only.
"""

Command = Callable[[argparse.Namespace], int]


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="python -m e2e.cluster", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    top.add_argument("--cluster", choices=WAYS, help="the way (default: $CLUSTER, else kind if it can run, else local)")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Command, what: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=what, description=what[0].upper() + what[1:] + ".")
        sub.set_defaults(run=run)
        return sub

    command("up", _up, "bring the cluster up or repair it; quick when it is up")
    down = command("down", _down, "remove the cluster and everything that belongs to it")
    down.add_argument("--purge", action="store_true", help="also the images that are kept for the next one")
    load = command("load", _load, "put images into the node")
    load.add_argument("images", nargs="+", metavar="ARCHIVE_OR_IMAGE", help="OCI or docker archive, or an image's name")
    command("status", _status, f"say what is there; exit {NOT_READY} if the cluster is not ready")
    command("kubeconfig", _kubeconfig, "print the path of the admin kubeconfig")
    command("env", _env, "print shell exports of KUBECONFIG and PATH, with kubectl and helm of matching versions")
    gpus = command("fake-gpus", _fake_gpus, "give the real nodes GPUs that can be scheduled but do not exist")
    gpus.add_argument("count", type=int, help="per node; 0 takes them away")
    gpus.add_argument("--product", default="NVIDIA-L4", help="label nvidia.com/gpu.product (default: %(default)s)")
    kwok = command("kwok", _kwok, "simulate a fleet of GPU nodes with kwok")
    kwok.add_argument("--nodes", type=int, default=10, help="how many (default: %(default)s)")
    kwok.add_argument("--gpus-per-node", type=int, default=8, help="(default: %(default)s)")
    kwok.add_argument("--stop", action="store_true", help="remove the nodes and end kwok")
    build = command("build", _build, "build the programs of the local cluster without starting it")
    build.add_argument("--write-sums", choices=pins().modules, help="record the sums of the module's last build")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    try:
        code: int = arguments.run(arguments)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # `status | head -1` is no error. Python would complain once more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except ClusterError as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        say("interrupted; run the same command again to go on")
        return 130


def _cluster(arguments: argparse.Namespace) -> Cluster:
    return choose(arguments.cluster)


def _up(arguments: argparse.Namespace) -> int:
    _cluster(arguments).up()
    return 0


def _down(arguments: argparse.Namespace) -> int:
    _cluster(arguments).down(purge=arguments.purge)
    return 0


def _load(arguments: argparse.Namespace) -> int:
    _cluster(arguments).load(arguments.images)
    return 0


def _status(arguments: argparse.Namespace) -> int:
    cluster = _cluster(arguments)
    status = cluster.status()
    facts = {"way": cluster.way, "ready": "yes" if status.ready else "no", **status.facts}
    width = max(map(len, facts))
    for name, value in facts.items():
        print(f"{name:<{width}}  {value}")
    return 0 if status.ready else NOT_READY


def _kubeconfig(arguments: argparse.Namespace) -> int:
    print(_cluster(arguments).kubeconfig())
    return 0


def _env(arguments: argparse.Namespace) -> int:
    cluster = _cluster(arguments)
    folders = list(dict.fromkeys(str(cluster.tool(name).parent) for name in ("kubectl", "helm")))
    known = os.environ.get("PATH", "").split(os.pathsep)
    path = os.pathsep.join([*(folder for folder in folders if folder not in known), *known])
    print(f"export KUBECONFIG={shlex.quote(str(cluster.kubeconfig()))}")
    print(f"export PATH={shlex.quote(path)}")
    return 0


def _fake_gpus(arguments: argparse.Namespace) -> int:
    cluster = _cluster(arguments)
    kubectl = Kubectl(cluster.tool("kubectl"), cluster.kubeconfig())
    for name in fake_gpus(kubectl, arguments.count, arguments.product):
        say(f"node {name}: nvidia.com/gpu {arguments.count}")
    return 0


def _kwok(arguments: argparse.Namespace) -> int:
    kwok = Kwok(_cluster(arguments), paths())
    if arguments.stop:
        kwok.stop()
    else:
        kwok.start(arguments.nodes, arguments.gpus_per_node)
    return 0


def _build(arguments: argparse.Namespace) -> int:
    binaries = Binaries(paths())
    if arguments.write_sums:
        name = arguments.write_sums
        binaries.build(pins().modules[name].commands)
        print(binaries.write_sums(name))
    else:
        binaries.build([*PROGRAMS, "helm", "kwok"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
