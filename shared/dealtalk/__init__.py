"""Dealtalk: answers customers inside a CRM and keeps the deal up to date."""
