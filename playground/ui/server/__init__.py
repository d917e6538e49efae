"""Requests and their limits, run requests, public endpoints."""
