"""What the system costs: cold and warm starts of the webhook, calls of a turn. `python -m tests.bench`."""
