"""Scalers that are not ours, KEDA and the HPA, on models of autoscaling type External."""
