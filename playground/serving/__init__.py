"""Serving: sampling on other machines."""
