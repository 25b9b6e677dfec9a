"""`modelberth cache`: what caches of weights hold, and what of it nobody uses."""

from modelberth.cli.cache.command import add_parser

__all__ = ["add_parser"]
