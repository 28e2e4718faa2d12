"""What a sweep is made of: models, hardware, precisions."""

from .hardware import Calibration, Hardware, Link
from .model import Model
from .operator import Kind, Operator, Stage, Weights
from .precision import Precision, precision

__all__ = ["Calibration", "Hardware", "Kind", "Link", "Model", "Operator", "Precision", "Stage", "Weights", "precision"]
