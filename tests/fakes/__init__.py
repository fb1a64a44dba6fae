"""Fakes of the ports that pass the contract suites of the real sides."""
