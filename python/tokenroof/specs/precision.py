"""Precisions: formats of weights, activations and cache, and the rate at which a chip computes with them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import SpecError, UnknownNameError
from .formats import FORMATS, GROUPED, MIXES, PEAK_OF, WIDER, bytes_per_element, expected_format

if TYPE_CHECKING:
    from .hardware import Hardware

__all__ = ["FALLBACKS", "FORMATS", "NAMED", "Precision", "peak", "precision"]

#: What happens where a chip has no peak for the compute format: status 20, or the next wider format that it has.
FALLBACKS = ("status", "wider")


@dataclass(frozen=True, slots=True)
class Precision:
    """Formats of weights, activations (= compute) and cache, and the bytes per element that follow.

    ``experts`` is the format of routed experts (``weights`` when empty), ``head`` that of embedding and LM head
    (16 bit when empty and weights are narrower: quantisers leave them wide), ``state`` that of recurrent state (as the
    model's rows say when empty: 32 bit for most scans). Weights and experts may also be a mix of formats (`MIXES`).
    """

    name: str
    weights: str = "bf16"
    activations: str = "bf16"
    kv: str = "bf16"
    experts: str = ""
    head: str = ""
    state: str = ""

    def __post_init__(self) -> None:
        where = f"precision {self.name!r}"
        for field in ("weights", "activations", "kv", "experts", "head", "state"):
            value = getattr(self, field)
            if value == "" and field in ("experts", "head", "state"):
                continue
            known = list(PEAK_OF if field == "activations" else FORMATS)
            known += MIXES if field in ("weights", "experts") else ()
            if value not in known:
                raise SpecError(field, value, expected_format(value, known), where)

    @property
    def compute(self) -> str:
        """Which of a chip's dense peaks the matrices want, one of `COMPUTE`; `peak` says which they get."""
        return PEAK_OF[self.activations]

    @property
    def weight_bytes(self) -> float:
        """Bytes per element of the layers' matrices [B]."""
        return bytes_per_element(self.weights)

    @property
    def expert_bytes(self) -> float:
        """Bytes per element of routed experts [B]."""
        return bytes_per_element(self.experts or self.weights)

    @property
    def head_bytes(self) -> float:
        """Bytes per element of embedding and LM head [B]."""
        return FORMATS[self.head] if self.head else max(2.0, self.weight_bytes)

    @property
    def wide_bytes(self) -> float:
        """Bytes per element of norms, biases and routers [B]."""
        return max(2.0, self.weight_bytes)

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


def _gguf(name: str, weights: str, head: str) -> Precision:
    """A GGUF file type, computed in 16 bit.

    ``head`` is the format of the output matrix, which a step reads whole. The embedding, of which it reads a row per
    token, has the layers' format unless the two are one matrix: at Llama-3.1-8B this counts 3 % too much memory.
    """
    return Precision(name, weights, "bf16", "bf16", head=head)


NAMED: dict[str, Precision] = {
    p.name: p
    for p in (
        Precision("fp32", "fp32", "fp32", "fp32"),
        Precision("tf32", "tf32", "tf32", "fp32"),
        Precision("bf16", "bf16", "bf16", "bf16"),
        Precision("fp16", "fp16", "fp16", "fp16"),
        Precision("fp8", "fp8", "fp8", "fp8"),
        Precision("mxfp8", "mxfp8", "mxfp8", "fp8"),
        Precision("int8", "int8", "int8", "int8"),
        Precision("fp6", "mxfp6", "mxfp6", "fp8"),
        Precision("fp4", "nvfp4", "nvfp4", "fp8"),
        Precision("nvfp4", "nvfp4", "nvfp4", "fp8"),
        Precision("mxfp4", "bf16", "bf16", "bf16", experts="mxfp4"),  # gpt-oss: only the routed experts are 4 bit
        Precision("ternary", "ternary", "int8", "bf16"),  # BitNet b1.58 (arXiv:2402.17764): activations are int8
        _gguf("q8_0", "q8_0", "q8_0"),
        _gguf("q6_k", "q6_k", "q6_k"),
        _gguf("q5_k_m", "q5_k_m", "q6_k"),
        _gguf("q4_k_m", "q4_k_m", "q6_k"),
        _gguf("q4_k_s", "q4_k_s", "q6_k"),
        _gguf("q4_0", "q4_0", "q6_k"),
        _gguf("iq4_xs", "iq4_xs", "q6_k"),
        _gguf("q3_k_l", "q3_k_l", "q6_k"),
        _gguf("q3_k_m", "q3_k_m", "q6_k"),
        _gguf("q2_k", "q2_k_m", "q6_k"),
    )
}

_WEIGHTS = {"2": "int2", "3": "int3", "4": "int4", "6": "fp6", "8": "int8", "16": "bf16"}
_ACTIVATIONS = {"4": "nvfp4", "6": "mxfp6", "8": "fp8", "16": "bf16"}
_CACHE = {"4": "nvfp4", "8": "fp8", "16": "bf16"}
#: Weights and activations of the same width are the pair that chips multiply.
_PAIRS = {"4": "nvfp4", "6": "mxfp6", "8": "fp8"}
_PATTERN = re.compile(r"^w(\d+)a(\d+)(?:kv(\d+))?(?:-g(\d+))?$")
_EXAMPLES = ("w4a16", "w4a16-g32", "w3a16", "w2a16", "w6a16", "w8a16", "w8a8", "w4a8kv8", "w4a4kv4")


def precision(name: str | Precision) -> Precision:
    """The precision called ``name``: a named one, ``w<bits>a<bits>[kv<bits>][-g<group>]``, or three formats.

    Three formats are ``weights/activations/cache``, each any of `FORMATS`.

    Raises
    ------
    UnknownNameError
        When it is none of these; names the nearest.
    SpecError
        When one of three formats is unknown, or nothing computes with the activations'; names the nearest.

    Examples
    --------
    >>> precision("w4a16").weight_bytes
    0.53125
    >>> precision("w4a8kv8").compute
    'fp8'
    >>> precision("w4a16-g32").weight_bytes, precision("w4a16kv4").kv
    (0.625, 'nvfp4')
    >>> precision("int3-g64/bf16/int8").kv_bytes
    1.0
    """
    if isinstance(name, Precision):
        return name
    if isinstance(name, str):
        folded = name.lower()  # GGUF writes its file types in capitals
        found = NAMED.get(folded) or _spelled(folded)
        if found is not None:
            return found
        if folded in FORMATS or folded in MIXES:
            expected = f"a precision, for example '{folded}/bf16/bf16': weights, activations, cache"
            raise SpecError("precision", name, expected)
    raise UnknownNameError("precision", name, [*NAMED, *_EXAMPLES])


def _spelled(name: str) -> Precision | None:
    """The precision that a name spells out; None when it does not."""
    formats = name.split("/")
    if len(formats) == 3:
        return Precision(name, *formats)
    match = _PATTERN.match(name)
    if match is None:
        return None
    weights, acts, kv, group = match.groups()
    w = _PAIRS.get(weights) if weights == acts != "16" else _WEIGHTS.get(weights)
    a, cache = _ACTIVATIONS.get(acts), _CACHE.get(kv or "16")
    if w is not None and group is not None:  # only some formats leave the size of the groups open
        w = GROUPED.get((w, int(group)))
    return Precision(name, w, a, cache) if w and a and cache else None


def peak(hardware: Hardware, at: str | Precision, fallback: str = "status") -> tuple[float, str]:
    """Rate at which a chip's matrices run at a precision, and the format that they run in.

    Narrow weights are widened on their way to the matrix units, so that the format of the activations decides.
    Where the chip lacks it, ``fallback="status"`` gives no rate (points have status 20) and ``"wider"`` that of the
    first format of `WIDER` that the chip has. Bytes stay those of the precision.

    Returns
    -------
    (float, str)
        Dense peak [FLOP/s] and one of `COMPUTE`; ``(0.0, "")`` when there is none.

    Raises
    ------
    UnknownNameError
        When the precision is unknown, or ``fallback`` none of `FALLBACKS`.

    Examples
    --------
    >>> from tokenroof import hardware
    >>> h100 = hardware("h100-sxm")
    >>> peak(h100, "w4a16"), peak(h100, "fp4"), peak(h100, "fp4", "wider")
    ((989400000000000.0, 'bf16'), (0.0, ''), (1978900000000000.0, 'fp8'))
    """
    wanted = precision(at).compute
    if fallback not in FALLBACKS:
        raise UnknownNameError("fallback", fallback, FALLBACKS)
    for name in (wanted, *(WIDER[wanted] if fallback == "wider" else ())):
        if hardware.peaks.get(name, 0.0) > 0.0:
            return hardware.peaks[name], name
    return 0.0, ""
