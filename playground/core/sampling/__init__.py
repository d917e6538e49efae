"""The reverse process: time steps, samplers, inpainting, interpolation."""
