"""Weights on their way to the pods: what status says meanwhile, caches that pods share, and a hub that is down."""
