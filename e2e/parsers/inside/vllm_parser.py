"""Runs in vLLM's Python: reads command lines (JSON), prints what `vllm serve` makes of them (JSON, the last line)."""
# mypy: ignore-errors

import contextlib
import io
import json
import os
import sys

# Without a GPU the parser cannot tell the device that some defaults depend on.
os.environ.setdefault("VLLM_TARGET_DEVICE", "cpu")

import vllm
from vllm.entrypoints.launchers.cli_args import make_arg_parser
from vllm.model_executor.layers.quantization import QUANTIZATION_METHODS
from vllm.utils.argparse_utils import FlexibleArgumentParser

parser = make_arg_parser(FlexibleArgumentParser(prog="vllm serve"))


def parse(words):
    errors = io.StringIO()
    try:
        with contextlib.redirect_stderr(errors):
            return vars(parser.parse_args(words))
    except SystemExit:
        return {"error": errors.getvalue().strip().splitlines()[-1]}


report = {
    "version": vllm.__version__,
    "abbreviations": parser.allow_abbrev,
    "options": [action.option_strings for action in parser._actions if action.option_strings],
    "quantizations": list(QUANTIZATION_METHODS),
    "defaults": parse([]),
    "parsed": [parse(words) for words in json.load(sys.stdin)],
}
print("\n" + json.dumps(report, default=str))
