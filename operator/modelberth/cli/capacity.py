"""Tokens and requests in words: the same in a plan and in the story of what runs."""


def capacity(tokens: int | None, concurrency: float | None, length: int | None) -> str:
    """112,880 tokens, 27.6 requests of 4,096 tokens at once; empty where nothing is known."""
    if tokens is None:
        return ""
    words = f"{tokens:,} tokens"
    if concurrency is not None:
        of = f" of {length:,} tokens" if length else ""
        words += f", {requests(concurrency)} requests{of} at once"
    return words


def requests(concurrency: float | None) -> str:
    """Two digits after the point below ten, then one; a dash where it is not known."""
    if concurrency is None:
        return "-"
    return f"{concurrency:,.2f}" if concurrency < 10 else f"{concurrency:,.1f}"
