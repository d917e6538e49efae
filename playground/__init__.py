"""Diffusion Playground: forward process, noise prediction, sampling and training of a diffusion model.

Imports run one way, `ui → render → core`. `core` computes: noise levels and schedules, predictors, samplers,
checkpoints, datasets, analyses and the toy networks; it imports torch and no page. `render` turns core's records into
films for the player, files and plotly figures. `ui` is the Gradio page, with thin handlers. The commands
`python -m playground.prepare | train | evaluate` make and measure the networks in `weights/`, `benchmark` measures
speed, and `serve` is app.py with the sampling on other machines.
"""

__version__ = "0.2.0"
