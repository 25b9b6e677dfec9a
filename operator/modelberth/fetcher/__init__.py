"""Runs in the pod: downloads weights with huggingface-hub and says how it went."""
