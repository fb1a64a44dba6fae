"""Connecting and examining a portal of HubSpot."""
