"""What a sweep is made of: models, hardware, precisions."""

from .hardware import Calibration, Hardware, Level, Link
from .model import Model
from .operator import Kind, Operator, Stage, Weights
from .options import Options
from .precision import Precision, peak, precision

__all__ = [
    "Calibration",
    "Hardware",
    "Kind",
    "Level",
    "Link",
    "Model",
    "Operator",
    "Options",
    "Precision",
    "Stage",
    "Weights",
    "peak",
    "precision",
]
