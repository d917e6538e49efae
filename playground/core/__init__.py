"""What is computed: torch in, records out. Knows no gradio, no plotly and no HTML.

The nouns that scripts use are here; everything else is imported from its module.
"""

from playground.core.diffusion.guidance import ClassifierFreeGuidance
from playground.core.diffusion.ideal import IdealPredictor
from playground.core.diffusion.noise import NoiseLevel, add_noise
from playground.core.diffusion.predictors import NoisePredictor, UNetPredictor
from playground.core.diffusion.schedules import SCHEDULES, NoiseSchedule
from playground.core.networks.checkpoints import Checkpoint, load_checkpoint
from playground.core.sampling.options import SamplingOptions
from playground.core.sampling.samplers import SAMPLERS, sample
from playground.core.sampling.steps import Step

__all__ = [
    "SAMPLERS",
    "SCHEDULES",
    "Checkpoint",
    "ClassifierFreeGuidance",
    "IdealPredictor",
    "NoiseLevel",
    "NoisePredictor",
    "NoiseSchedule",
    "SamplingOptions",
    "Step",
    "UNetPredictor",
    "add_noise",
    "load_checkpoint",
    "sample",
]
