"""Connecting and examining portals of Bitrix24."""
