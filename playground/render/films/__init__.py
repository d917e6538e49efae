"""Films of core's records, one module per kind."""
