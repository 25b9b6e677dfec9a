"""Puts the product on a cluster the way a person would: images, the hub with the test models, the Helm chart."""
