"""Server: requests and their limits, numbered runs, public endpoints."""
