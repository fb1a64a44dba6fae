"""Connecting a CRM of one's own."""
