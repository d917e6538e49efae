"""Networks on disk and on the Hub."""
