"""Settings of every test."""

from hypothesis import settings

# A property is about results: on a busy machine a deadline only measures the neighbours.
settings.register_profile("modelberth", deadline=None)
settings.load_profile("modelberth")
