"""Runs in SGLang's Python: reads command lines (JSON), prints what its server makes of them (JSON, the last line)."""
# mypy: ignore-errors

import argparse
import contextlib
import io
import json
import sys

import sglang
from sglang.srt.server_args import QUANTIZATION_CHOICES, ServerArgs

# As prepare_server_args() builds it: https://github.com/sgl-project/sglang/blob/main/python/sglang/srt/server_args.py
parser = argparse.ArgumentParser(prog="sglang serve")
ServerArgs.add_cli_args(parser)


def parse(words):
    errors = io.StringIO()
    try:
        with contextlib.redirect_stderr(errors):
            return vars(parser.parse_args(words))
    except SystemExit:
        return {"error": errors.getvalue().strip().splitlines()[-1]}


report = {
    "version": sglang.__version__,
    "abbreviations": parser.allow_abbrev,
    "options": [action.option_strings for action in parser._actions if action.option_strings],
    "quantizations": list(QUANTIZATION_CHOICES),
    "defaults": parse(["--model-path", "model"]),
    "parsed": [parse(words) for words in json.load(sys.stdin)],
}
print("\n" + json.dumps(report, default=str))
