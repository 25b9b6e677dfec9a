"""`modelberth fetch`: the init container. Its own package does the work; nothing of the operator is imported."""

from modelberth.fetcher.command import add_parser

__all__ = ["add_parser"]
