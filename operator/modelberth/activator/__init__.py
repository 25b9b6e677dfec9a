"""Holds requests of models that sleep, and forwards them as soon as a pod answers."""
