"""`modelberth render`: the children of ModelDeployments, without a cluster or the network."""

import argparse
from collections.abc import Iterator
from typing import Any

from modelberth.api.finding import InvalidSpec
from modelberth.cli.documents import yaml_text
from modelberth.cli.inputs import (
    FAILED,
    INVALID,
    Given,
    InputError,
    Inputs,
    add_inputs,
    no_resources,
    read_inputs,
    tell,
    tell_invalid,
)
from modelberth.manifests.children import built, children, engine_image, engine_version
from modelberth.manifests.facts import Facts
from modelberth.planner.files import ModelFiles
from modelberth.planner.planned import planned
from modelberth.planner.planning import plan
from modelberth.planner.request import PlanRequest

DESCRIPTION = """\
Print the Deployment, Service, ... that the operator makes of every ModelDeployment in a file, as YAML.

No cluster and no network: a hub revision stays as it is written in spec.model.uri, where the operator would pin the
commit. Other kinds in the file are skipped.

  modelberth render -f examples/llama3-awq.yaml
  helm template my-app | modelberth render -f -
  modelberth render -f model.yaml --model-config ./llama-3-8b    # a folder that holds config.json

Exit codes: 0 rendered, 3 a ModelDeployment is invalid (each finding names the field, the reason and a way out).
"""


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "render",
        help="print the manifests that the operator makes of a file",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_inputs(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    try:
        inputs = read_inputs(args)
    except InputError as error:
        tell(str(error))
        return error.code
    if not inputs.given:
        tell(no_resources(args))
        return FAILED
    manifests: list[dict[str, Any]] = []
    code = 0
    for given in inputs.given:
        try:
            manifests.extend(_render(given, inputs))
        except InvalidSpec as error:
            code = INVALID
            tell_invalid(given, error)
    if code == 0:
        print(yaml_text(manifests), end="")
    return code


def _render(given: Given, inputs: Inputs) -> Iterator[Any]:
    md = inputs.parsed(given)
    files = inputs.files_of(md.name)
    version, known = engine_version(md, engine_image(md, inputs.settings))
    facts = Facts(planned(plan(PlanRequest(md.spec, version, files or ModelFiles(), version_known=known))))
    yield from children(md, built(md, facts, inputs.settings))
