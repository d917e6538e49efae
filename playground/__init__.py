"""See how a diffusion model works: noise, the noise a network finds in it, and the way back.

The package has three floors, and imports run one way, downwards. `core` computes: noise levels and
schedules, predictors, samplers, checkpoints, pictures, and the experiments that put them together; it
knows torch and nothing of a page. `render` turns core's records into what can be shown: films for the
player, plotly figures, pictures. `ui` is what a person touches: a Gradio page of thin handlers. The
commands `python -m playground.prepare | train | evaluate` make and measure what lies in `weights/`;
`python -m playground.serve` is app.py with the sampling on other machines.
"""
