"""What a sweep is made of: models, hardware, precisions."""

from .hardware import Calibration, Hardware, Level, Link
from .model import Model
from .operator import Kind, Operator, Stage, Weights
from .precision import Precision, precision

__all__ = [
    "Calibration",
    "Hardware",
    "Kind",
    "Level",
    "Link",
    "Model",
    "Operator",
    "Precision",
    "Stage",
    "Weights",
    "precision",
]
