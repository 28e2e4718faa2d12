"""Precisions: how many bytes a weight, an activation and a cache element take, scales included."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import SpecError, UnknownNameError

__all__ = ["FORMATS", "NAMED", "Precision", "precision"]

#: Bytes per element with the scales that the format stores.
FORMATS: dict[str, float] = {
    "fp32": 4.0,
    "bf16": 2.0,
    "fp16": 2.0,
    "fp8": 1.0 + 4.0 / (128 * 128),  # one fp32 scale per 128 x 128 block (DeepSeek-V3, arXiv:2412.19437, 3.3.2)
    "int8": 1.0,  # per-channel scales: less than 1e-3 bytes per element
    "int4": 0.5 + 4.0 / 128,  # fp16 scale and zero per group of 128: 4.25 bits (4.16 where zeros are packed to 4 bit)
    "mxfp4": 0.5 + 1.0 / 32,  # one e8m0 scale per 32 elements (OCP MX v1.0): 4.25 bits
    "nvfp4": 0.5 + 1.0 / 16,  # one e4m3 scale per 16 elements: 4.5 bits
}

#: Peak that a compute format uses: 16-bit formats share one, 4-bit floats another.
_PEAK = {"bf16": "bf16", "fp16": "bf16", "fp8": "fp8", "int8": "int8", "fp32": "fp32", "nvfp4": "fp4", "mxfp4": "fp4"}


@dataclass(frozen=True, slots=True)
class Precision:
    """Formats of weights, activations (= compute) and cache, and the bytes per element that follow.

    ``experts`` is the format of routed experts (``weights`` when empty), ``head`` that of embedding and LM head
    (16 bit when empty and weights are narrower: quantisers leave them wide), ``state`` that of recurrent state (as the
    model's rows say when empty: 32 bit for most scans).
    """

    name: str
    weights: str = "bf16"
    activations: str = "bf16"
    kv: str = "bf16"
    experts: str = ""
    head: str = ""
    state: str = ""

    def __post_init__(self) -> None:
        for field in ("weights", "activations", "kv", "experts", "head", "state"):
            value = getattr(self, field)
            if value not in FORMATS and not (value == "" and field in ("experts", "head", "state")):
                raise SpecError(field, value, f"one of {', '.join(FORMATS)}", f"precision {self.name!r}")
        if self.activations not in _PEAK:
            raise SpecError("activations", self.activations, f"one of {', '.join(_PEAK)}", f"precision {self.name!r}")

    @property
    def compute(self) -> str:
        """Which of a chip's dense peaks the matrices run at: bf16, fp8, int8, fp4 or fp32."""
        return _PEAK[self.activations]

    @property
    def weight_bytes(self) -> float:
        """Bytes per element of the layers' matrices [B]."""
        return FORMATS[self.weights]

    @property
    def expert_bytes(self) -> float:
        """Bytes per element of routed experts [B]."""
        return FORMATS[self.experts or self.weights]

    @property
    def head_bytes(self) -> float:
        """Bytes per element of embedding and LM head [B]."""
        return FORMATS[self.head] if self.head else max(2.0, FORMATS[self.weights])

    @property
    def wide_bytes(self) -> float:
        """Bytes per element of norms, biases and routers [B]."""
        return max(2.0, FORMATS[self.weights])

    @property
    def act_bytes(self) -> float:
        """Bytes per activation element [B]."""
        return FORMATS[self.activations]

    @property
    def comm_bytes(self) -> float:
        """Bytes per element of a reduced tensor in practice [B]: sums travel in 16 bit."""
        return max(2.0, FORMATS[self.activations])

    @property
    def kv_bytes(self) -> float:
        """Bytes per cache element [B]."""
        return FORMATS[self.kv]

    @property
    def state_bytes(self) -> float:
        """Bytes per element of recurrent state [B]; 0: as the model's rows say."""
        return FORMATS[self.state] if self.state else 0.0


NAMED: dict[str, Precision] = {
    p.name: p
    for p in (
        Precision("fp32", "fp32", "fp32", "fp32"),
        Precision("bf16", "bf16", "bf16", "bf16"),
        Precision("fp16", "fp16", "fp16", "fp16"),
        Precision("fp8", "fp8", "fp8", "fp8"),
        Precision("int8", "int8", "int8", "int8"),
        Precision("fp4", "nvfp4", "nvfp4", "fp8"),
        Precision("nvfp4", "nvfp4", "nvfp4", "fp8"),
        Precision("mxfp4", "bf16", "bf16", "bf16", experts="mxfp4"),  # gpt-oss: only the routed experts are 4 bit
    )
}

_WIDTHS = {"4": "int4", "8": "int8", "16": "bf16"}
_PATTERN = re.compile(r"^w(4|8|16)a(4|8|16)(?:kv(8|16))?$")


def precision(name: str | Precision) -> Precision:
    """The precision called ``name``: a named one, or ``w<bits>a<bits>[kv<bits>]``.

    >>> precision("w4a16").weight_bytes
    0.53125
    >>> precision("w4a8kv8").compute
    'fp8'
    """
    if isinstance(name, Precision):
        return name
    if name in NAMED:
        return NAMED[name]
    match = _PATTERN.match(name) if isinstance(name, str) else None
    if match is None:
        raise UnknownNameError("precision", name, [*NAMED, "w4a16", "w8a16", "w8a8", "w4a8kv8"])
    weights, acts, kv = match.groups()
    w = "fp8" if weights == "8" and acts == "8" else "nvfp4" if weights == "4" and acts == "4" else _WIDTHS[weights]
    a = {"4": "nvfp4", "8": "fp8", "16": "bf16"}[acts]
    return Precision(name, w, a, "fp8" if kv == "8" else "bf16")
