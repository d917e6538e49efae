"""Rendering: core's records as films, charts and pictures. Computes nothing about diffusion."""
