"""The deterministic simulation: the real code under a seeded scheduler that may interrupt it at every outside call."""
