"""What bench/scrape.py and bench/autoscaling.py measure with."""
