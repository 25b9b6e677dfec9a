"""`modelberth plan`: will it fit, judged by the same planner as the operator's."""

from modelberth.cli.plan.command import add_parser

__all__ = ["add_parser"]
