"""The shell: kopf watches, a store remembers, a queue coalesces, a lease says who leads. The only importer of kopf."""
