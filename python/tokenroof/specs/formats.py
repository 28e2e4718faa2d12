"""Number formats: bytes of an element with the scales that are stored for it, and what chips compute in.

Every size follows from the block that a format stores together: elements x bits, plus the bytes of its scales. Those of
GGUF are the structs of ggml-org/llama.cpp@01243c5:ggml/src/ggml-common.h.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..errors import near_matches

__all__ = ["COMPUTE", "FORMATS", "GROUPED", "MIXES", "PEAK_OF", "WIDER", "Mix", "bytes_per_element", "expected_format"]


def _block(elements: int, bits: float, scales: float = 0.0) -> float:
    """Bytes per element of a block of ``elements`` with ``bits`` each and ``scales`` bytes besides."""
    return (elements * bits / 8.0 + scales) / elements


#: Integers whose scales are of groups of weights, and the sizes of the groups -> format; 128 needs no mark.
GROUPED: dict[tuple[str, int], str] = {
    (f"int{bits}", group): f"int{bits}" + ("" if group == 128 else f"-g{group}")
    for bits in (4, 3, 2)
    for group in (32, 64, 128)
}


def _grouped(name: str) -> dict[str, float]:
    """Integers with an fp16 scale and an fp16 zero per group (GPTQ, arXiv:2210.17323; AWQ, arXiv:2306.00978).

    4 bits in groups of 128 come to 4.25, or 4.16 where zeros are packed to 4 bits too.
    """
    sizes = {group: spelled for (kind, group), spelled in GROUPED.items() if kind == name}
    return {spelled: _block(group, int(name.removeprefix("int")), 2 + 2) for group, spelled in sizes.items()}


#: Bytes per element with the scales that the format stores.
FORMATS: dict[str, float] = {
    "fp32": _block(1, 32),
    "tf32": _block(1, 32),  # stored as fp32; matrix units read 19 of its bits (NVIDIA A100 white paper)
    "bf16": _block(1, 16),
    "fp16": _block(1, 16),
    "fp8": _block(128 * 128, 8, 4),  # one fp32 scale per 128 x 128 block (DeepSeek-V3, arXiv:2412.19437, 3.3.2)
    "int8": _block(1, 8),  # per-channel scales: less than 1e-3 bytes per element (LLM.int8(), arXiv:2208.07339)
    "fp6": _block(1, 6),  # e3m2, one fp16 scale per output channel, left out (FP6-LLM, arXiv:2401.14112)
    "fp4": _block(1, 4),  # e2m1, scales per channel, left out (LLM-FP4, arXiv:2310.16836)
    # OCP Microscaling Formats (MX) 1.0, arXiv:2310.10537: one e8m0 scale per 32 elements
    "mxfp8": _block(32, 8, 1),
    "mxfp6": _block(32, 6, 1),
    "mxfp4": _block(32, 4, 1),
    "nvfp4": _block(16, 4, 1),  # one e4m3 scale per 16 elements, and one fp32 per tensor, left out (NVIDIA)
    **_grouped("int4"),
    **_grouped("int3"),
    **_grouped("int2"),
    # BitNet b1.58 as it is served: -1, 0, 1 in 2 bits each, 16 in a 32-bit word, one scale per tensor, left out
    # (arXiv:2504.12285; microsoft/BitNet@2d3e828:gpu/README.md). Five in a byte, 1.6 bits, is tq1_0 below.
    "ternary": _block(16, 2),
    # GGUF: 32 elements with one fp16 scale (_0, _nl) or scale and minimum (_1)
    "q8_0": _block(32, 8, 2),
    "q5_1": _block(32, 5, 2 + 2),
    "q5_0": _block(32, 5, 2),
    "q4_1": _block(32, 4, 2 + 2),
    "q4_0": _block(32, 4, 2),
    "iq4_nl": _block(32, 4, 2),
    # GGUF: 256 elements, scales of sub-blocks quantised themselves, fp16 scales of the whole
    "q6_k": _block(256, 6, 16 + 2),
    "q5_k": _block(256, 5, 12 + 2 + 2),
    "q4_k": _block(256, 4, 12 + 2 + 2),
    "iq4_xs": _block(256, 4, 4 + 2 + 2),
    "q3_k": _block(256, 3, 12 + 2),
    "q2_k": _block(256, 2, 16 + 2 + 2),
    "tq2_0": _block(256, 2, 2),  # ternary, four in a byte
    "tq1_0": _block(256, 0, 240 / 5 + 16 / 4 + 2),  # ternary: 240 elements five in a byte, 16 four in a byte
}

#: Formats that chips compute in: keys of a chip's dense peaks. bf16 stands for 16 bit.
COMPUTE = ("fp32", "tf32", "bf16", "fp8", "int8", "fp6", "fp4", "int4")

#: Format of activations -> the peak at which matrices run. Activations in any other format: none computes with them.
PEAK_OF: dict[str, str] = {
    "fp32": "fp32",
    "tf32": "tf32",
    "bf16": "bf16",
    "fp16": "bf16",
    "fp8": "fp8",
    "mxfp8": "fp8",
    "int8": "int8",
    "fp6": "fp6",
    "mxfp6": "fp6",
    "fp4": "fp4",
    "mxfp4": "fp4",
    "nvfp4": "fp4",
    "int4": "int4",
    "int4-g32": "int4",
    "int4-g64": "int4",
}

#: Where a chip lacks a peak: the wider formats that hold each of its values exactly, nearest first, so that operands
#: can be widened while they are loaded and nothing else is lost. e2m1 < e3m2, e2m3 < e4m3 < bf16 < tf32 < fp32, by
#: exponent and mantissa bits. Whole numbers to 2**(m + 1) fit m mantissa bits: int4 fits int8 and e4m3 (to 16), int8
#: fits bf16 (to 256) and neither fits the other 8-bit format.
WIDER: dict[str, tuple[str, ...]] = {
    "fp4": ("fp6", "fp8", "bf16", "tf32", "fp32"),
    "fp6": ("fp8", "bf16", "tf32", "fp32"),
    "fp8": ("bf16", "tf32", "fp32"),
    "int4": ("int8", "fp8", "bf16", "tf32", "fp32"),
    "int8": ("bf16", "tf32", "fp32"),
    "bf16": ("tf32", "fp32"),
    "tf32": ("fp32",),
    "fp32": (),
}


@dataclass(frozen=True, slots=True)
class Mix:
    """A GGUF file type that stores some matrices wider: for each of them, formats with their shares of the layers.

    Rules of ggml-org/llama.cpp@007dbbf:src/llama-quant.cpp, for a network with at least four query heads per KV head.
    """

    base: str
    value: tuple[tuple[str, float], ...] = ()  #: of the value projection
    output: tuple[tuple[str, float], ...] = ()  #: of the attention's output projection
    down: tuple[tuple[str, float], ...] = ()  #: of the FFN's second matrix

    @property
    def bytes(self) -> float:
        """Bytes per element of the layers' matrices, in the proportions of Llama-3.1-8B [B].

        Others differ little: q4_k_m is 4.80 bits here, 4.79 at Llama-3.1-405B and 4.82 at Llama-2-7B.
        """
        parts = ((self.value, 1.0), (self.output, 4.0), (self.down, 14.0))  # in units of 4096 x 1024
        total = FORMATS[self.base] * (4.0 + 1.0 + 14.0 + 14.0)  # query, key, gate, up
        for shares, size in parts:
            wider = sum(FORMATS[name] * share for name, share in shares)
            total += size * (wider + FORMATS[self.base] * (1.0 - sum(share for _, share in shares)))
        return total / 52.0


#: More bits go to the first and last eighth of the layers and to each third one between: 16 of 32, 40 of 80.
_HALF_Q6 = (("q6_k", 0.5),)
_EIGHTH_Q5 = (("q5_k", 4 / 32),)

#: Weights only. GGUF calls the file type of the last one Q2_K, like the block that it is mostly made of.
MIXES: dict[str, Mix] = {
    "q5_k_m": Mix("q5_k", value=_HALF_Q6, down=_HALF_Q6),
    "q4_k_m": Mix("q4_k", value=_HALF_Q6, down=_HALF_Q6),
    "q4_k_s": Mix("q4_k", value=_EIGHTH_Q5, down=_EIGHTH_Q5),
    "q3_k_l": Mix("q3_k", value=(("q5_k", 1.0),), output=(("q5_k", 1.0),), down=(("q5_k", 1.0),)),
    "q3_k_m": Mix(
        "q3_k",
        value=(("q5_k", 2 / 32), ("q4_k", 30 / 32)),
        output=(("q4_k", 1.0),),
        down=(("q5_k", 2 / 32), ("q4_k", 30 / 32)),
    ),
    "q2_k_m": Mix("q2_k", value=(("q4_k", 1.0),), output=(("q3_k", 1.0),), down=(("q3_k", 1.0),)),
}

_BYTES = FORMATS | {name: mix.bytes for name, mix in MIXES.items()}


def bytes_per_element(name: str) -> float:
    """Bytes per element of a format or mix, scales included [B].

    >>> 8 * bytes_per_element("q6_k"), round(8 * bytes_per_element("q4_k_m"), 2)
    (6.5625, 4.8)
    """
    return _BYTES[name]


def expected_format(value: object, known: Iterable[str]) -> str:
    """What a message says where ``value`` is no format of ``known``: the nearest, then all."""
    names = list(known)
    near = near_matches(str(value), names)
    hint = f"{' or '.join(map(repr, near))}? " if near else ""
    return f"{hint}one of {', '.join(names)}"
