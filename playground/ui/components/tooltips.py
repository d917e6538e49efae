"""Tooltips of the controls by element id: what each sets, and in which range."""

from playground.ui.state.settings import CONTROLS

TOOLTIPS = {f"control-{name}": control.tooltip for name, control in CONTROLS.items() if control.tooltip} | {
    "learn": "Eight questions: guess first, then see the answer in the playground",
    "present": "Larger pictures and type for a projector; the arrow keys and a clicker step; Escape leaves",
    "share": "A link to exactly this state, and its QR code",
    "show-controls": "Show or hide the controls",
    "tab-forward-button": "Forward process: how does a picture become noise?",
    "tab-prediction-button": "Noise prediction: how can random noise be predicted?",
    "tab-sampling-button": "Reverse process, sampling: how does noise become a picture?",
    "tab-training-button": "Training in two dimensions: can random noise be learned?",
    "picture-number": CONTROLS["image"].tooltip,
    "another": "A random picture of the dataset",
    "upload": "A picture of your own: its middle square, scaled to the network's size",
    "other-noise": "A random seed",
    "group-sampling-options": "Where sampling starts, what it keeps, and at which time steps it calls the network",
    "run": "Sample from noise with these settings",
    "stop": "Stop sampling; the steps so far stay",
    "train": "Train up to 2,000 steps",
    "pause-training": "Pause the training; the network stays at this step",
    "one-step": "One training step: one batch, one update of the weights",
    "reset-training": "New weights from the same seed",
    "schedules": "All schedules in one chart",
    "bound": "Evaluate the network at every step and add up the terms of the variational bound",
    "run-training": "Execute the four lines on this picture, at this t, with this noise",
    "export-npz": "x_t, ε̂ and x̂₀ of every step of the film on show, and its noise levels, as numpy arrays",
    "show-code": "A script for torch and diffusers alone that ends in the same pictures",
    "card": "Dataset, licence, size, held-out error and samples",
}
