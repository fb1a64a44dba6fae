"""The embedded stack: simulators and tools that let the whole system run on one machine."""
