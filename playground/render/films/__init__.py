"""Core's records as films, a module for each kind."""
