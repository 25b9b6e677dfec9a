"""The kinds as pydantic models: the single source of ``crds/``, and of what is valid."""
