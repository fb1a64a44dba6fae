"""Strict simulators of the CRMs, built from the vendors' published facts and not from our clients."""
