"""The reverse process: timesteps, samplers, inpainting, interpolation."""
