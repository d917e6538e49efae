"""Diffusion of points in the plane: datasets, network, training, diagnostics."""
