"""`modelberth crds`: the CustomResourceDefinition."""

import argparse
from typing import Any

from modelberth.api.crd import crd_yaml

DESCRIPTION = """\
Print the CustomResourceDefinition of ModelDeployment.

  modelberth crds | kubectl apply --server-side -f -

The Helm chart installs it already.
"""


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "crds",
        help="print the CustomResourceDefinition",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    print(crd_yaml(), end="")
    return 0
