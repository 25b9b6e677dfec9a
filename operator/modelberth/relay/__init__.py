"""What runs beside an engine in its pod: hands out its metrics, and waits for it to finish. Standard library only."""
