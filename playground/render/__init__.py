"""How results look: core's records become films, charts and pictures. Computes nothing about diffusion."""
