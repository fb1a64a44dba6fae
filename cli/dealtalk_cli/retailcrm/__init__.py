"""Connecting and examining an account of RetailCRM (Simla)."""
