"""The CRMs: one folder each, and what they share."""
