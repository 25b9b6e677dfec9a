"""Modelberth: a Kubernetes operator that serves large language models.

Imports run one way: api <- planner <- engines <- manifests <- reconcile <- runtime <- cli.
"""
