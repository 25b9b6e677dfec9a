"""Chaos: whatever is broken, by people or by the cluster, every model is as it should be soon after."""
