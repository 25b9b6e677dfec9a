"""What stops `modelberth cache`."""


class CacheProblem(Exception):  # noqa: N818 - a problem with a way out, as people read it
    """It cannot be done, or must not; the message says why."""
