"""Sampling on other machines."""
