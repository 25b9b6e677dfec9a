"""Pods go, whatever the cause, and no request of an application with the real SDK is lost."""
