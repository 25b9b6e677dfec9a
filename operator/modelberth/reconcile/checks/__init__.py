"""Why pods do not serve: a chain of small checks, a file per theme (chain.py has their order)."""
