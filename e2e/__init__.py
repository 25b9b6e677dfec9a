"""The product on a real cluster: one folder per scenario, each in its own namespace."""
