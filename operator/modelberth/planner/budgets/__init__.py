"""Memory budgets, one file per engine: which bytes of a GPU, or of a memory limit, go where."""
