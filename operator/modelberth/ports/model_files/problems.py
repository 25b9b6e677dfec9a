"""Why a header cannot be used. The files are made by anybody: everything about them is checked."""


class HeaderProblem(ValueError):  # noqa: N818 - not always a mistake
    """The header cannot be read here, though an engine may well read it: too large, or newer than this code."""


class CorruptHeader(HeaderProblem):
    """The file is damaged, or is none of its kind: no engine can load it."""
