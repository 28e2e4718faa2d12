"""Models, chips and formats as measurement tables spell them, found in the catalogue.

A spelling is folded (vendor, capacity, brackets and words that name no other part are dropped) and then looked up in
the catalogue; what folding cannot know is in the tables below. A part or model that the catalogue lacks is an error:
a neighbour would answer for something else.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from .. import catalogue
from ..errors import UnknownNameError
from ..specs import Hardware, Model
from ..specs.formats import FORMATS, MIXES

__all__ = ["Chip", "Unusable", "find_chip", "find_format", "find_model"]


class Unusable(Exception):
    """Why a row of a table cannot become a case."""


#: Spelling, folded by `_model_words` -> id. Only the same shape: fine-tunes, distilled and renamed models.
_MODELS = {
    "llama-2-7b-chat": "llama-2-7b",
    "llama-7b": "llama-1-7b",
    "llama-13b": "llama-1-13b",
    "llama-33b": "llama-1-33b",
    "llama-65b": "llama-1-65b",
    "vicuna-7b": "llama-2-7b",
    "vicuna-13b": "llama-2-13b",
    "codellama-7b": "llama-2-7b",
    "codellama-13b": "llama-2-13b",
    "codellama-34b": "llama-2-34b",
    "codellama-70b": "llama-2-70b",
    "mistral-7b": "mistral-7b-v0.1",
    "mistral-7b-instruct-v0.3": "mistral-7b-v0.3",
    "qwen2-72b": "qwen2.5-72b",
    "qwen2-7b": "qwen2.5-7b",
    "qwen2-0.5b": "qwen2.5-0.5b",
    "qwen2-1.5b": "qwen2.5-1.5b",
    "deepseek-r1-distill-qwen-7b": "qwen2.5-7b",
    "deepseek-r1-distill-qwen-14b": "qwen2.5-14b",
    "deepseek-r1-distill-qwen-32b": "qwen2.5-32b",
    "deepseek-r1-distill-llama-8b": "llama-3.1-8b",
    "deepseek-r1-distill-llama-70b": "llama-3.1-70b",
    "deepseek-v3.1": "deepseek-v3",
    "minimax-m2.1": "minimax-m2",
    "minimax-m2.5": "minimax-m2",
    "minimax-m2.7": "minimax-m2",
    "gpt-3": "gpt-3-175b",
    "palm": "palm-540b",
    "llama-4-scout-17b-16e": "llama-4-scout",
    "llama-4-maverick-17b-128e": "llama-4-maverick",
    "mixtral-8x7b-v0.1": "mixtral-8x7b",
    "mixtral-8x22b-v0.1": "mixtral-8x22b",
    "opt-66b": "opt-66b",
    "gpt-neox": "gpt-neox-20b",
    "kimi-k2-thinking": "kimi-k2",
}
#: Parts of a model's name that change neither its shape nor its size.
_TUNES = re.compile(
    r"[-_ ](instruct|chat|hf|it|base|\d{4}|v\d+(\.\d+)?"
    r"|nvfp4|mxfp4|fp8|fp4|bf16|fp16|int4|int8|awq|gptq|gguf|w4a16|w8a8)$"
)


def _model_words(name: str) -> str:
    """A model's name without its owner and without what names a fine-tune or a format, longest form first."""
    return re.sub(r"[\s_]+", "-", name.rsplit("/", 1)[-1].strip().lower())


@cache
def find_model(name: str) -> Model:
    """The catalogue's model that a table calls ``name``.

    Raises
    ------
    Unusable
        When the catalogue has no model of that shape.

    Examples
    --------
    >>> find_model("meta-llama/Llama-3.1-8B-Instruct").id, find_model("nvidia/DeepSeek-V3.1-NVFP4").id
    ('llama-3.1-8b', 'deepseek-v3')
    """
    words = _model_words(name)
    tried: list[str] = []
    while words not in tried:
        tried.append(words)
        words = _TUNES.sub("", words)
    found = next(filter(None, (_known(_MODELS.get(spelling, spelling)) for spelling in (name, *tried))), None)
    if found is None:
        raise Unusable(f"no such model in the catalogue: {name}")
    return found


def _known(name: str) -> Model | None:
    try:
        return catalogue.model(name)
    except UnknownNameError:
        return None


@dataclass(frozen=True)
class Chip:
    """A chip of a table: what it is in the catalogue, and how its rows count it."""

    hardware: Hardware
    units: int = 1  #: of the table's devices that make one of the catalogue's: sockets, cores
    assumed: str = ""  #: what the spelling leaves open
    open: str = ""  #: why the row can only be checked against the bound


#: Words that do not tell one part from another.
_NOISE = re.compile(
    r"\b(nvidia|geforce|amd|instinct|intel|aws|google|cloud|sambanova|habana|huawei|tenstorrent|radeon|workstation"
    r"|edition|max-q|gpu|npu|accelerator|socket|chip|server|hbm\d?e?|blackwell|hopper|ada generation)\b"
)
_CAPACITY = re.compile(r"\b\d+(\.\d+)?\s*gi?b\b")
_SXM_ASSUMED = "which variant is not stated: SXM"

#: Folded spelling -> (id, table's devices per chip, assumed, open).
_CHIPS: dict[str, tuple[str, int, str, str]] = {
    "a100sxm": ("a100-80-sxm", 1, "", ""),
    "a100sxm4": ("a100-80-sxm", 1, "", ""),
    "a100pcie": ("a100-80-pcie", 1, "", ""),
    "a100sxm40": ("a100-40-sxm", 1, "", ""),
    "a100sxm440": ("a100-40-sxm", 1, "", ""),
    "a100pcie40": ("a100-40-pcie", 1, "", ""),
    "a100": ("a100-80-sxm", 1, f"{_SXM_ASSUMED}, 80 GB", ""),
    "a10040": ("a100-40-sxm", 1, f"{_SXM_ASSUMED}, 40 GB", ""),
    "h100": ("h100-sxm", 1, _SXM_ASSUMED, ""),
    "h100sxm5": ("h100-sxm", 1, "", ""),
    "h200": ("h200-sxm", 1, _SXM_ASSUMED, ""),
    "b200": ("b200-sxm", 1, "", ""),
    "b300": ("b300-sxm", 1, "", ""),
    "gb200": ("gb200-nvl72", 1, "", ""),
    "gb300": ("gb300-nvl72", 1, "", ""),
    "a6000": ("rtxa6000", 1, "", ""),
    "mi250": (
        "mi250x",
        1,
        "MI250 taken as MI250X (6 % more arithmetic), one device as both of its dies",
        "one device may be one die of two",
    ),
    "trn1": ("trainium1", 1, "", ""),
    "trn2": ("trainium2", 1, "", ""),
    "inf2": ("inferentia2", 1, "", ""),
    "groqlpu": ("groq-lpu-v1", 1, "", ""),
    "wse3": ("cerebras-wse3", 1, "", ""),
    "cs3": ("cerebras-wse3", 1, "", ""),
    "sohu": ("etched-sohu", 1, "", ""),
    "tpuv6": ("tpu-v6e", 1, "", ""),
    "trillium": ("tpu-v6e", 1, "", ""),
    "ironwood": ("tpu-v7", 1, "", ""),
    "ascend910c": ("ascend-910c", 1, "", ""),
    "h20": ("h20-96", 1, "", ""),
    "h800": ("h800-sxm", 1, "", ""),
    "v100": ("v100-sxm2-16", 1, f"{_SXM_ASSUMED}, 16 GB", ""),
    "xeon6980p": ("2s-xeon-6980p", 2, "", ""),
    "xeon8480": ("2s-xeon-8480", 2, "", ""),
    "epyc9965": ("2s-epyc-9965", 2, "", ""),
    "applem18core": ("apple-m1", 1, "", ""),
    "applem1pro16core": ("apple-m1-pro", 1, "", ""),
    "applem1max32core": ("apple-m1-max", 1, "", ""),
    "applem1max64": ("apple-m1-max", 1, "24 or 32 GPU cores: 32", ""),
    "applem1ultra64core": ("apple-m1-ultra", 1, "", ""),
    "applem2ultra76core": ("apple-m2-ultra", 1, "", ""),
    "applem3max40core": ("apple-m3-max", 1, "", ""),
    "applem3ultra80core": ("apple-m3-ultra", 1, "", ""),
    "applem3ultra512": ("apple-m3-ultra", 1, "", ""),
    "applem4max40core": ("apple-m4-max", 1, "", ""),
    "applem4max128": ("apple-m4-max", 1, "", ""),
    "applem17core": ("apple-m1-7c", 1, "", ""),
    "applem1pro14core": ("apple-m1-pro-14c", 1, "", ""),
    "applem1max24core": ("apple-m1-max-24c", 1, "", ""),
    "applem1ultra48core": ("apple-m1-ultra-48c", 1, "", ""),
    "applem28core": ("apple-m2-8c", 1, "", ""),
    "applem210core": ("apple-m2-10c", 1, "", ""),
    "applem2pro16core": ("apple-m2-pro-16c", 1, "", ""),
    "applem2pro19core": ("apple-m2-pro-19c", 1, "", ""),
    "applem2max30core": ("apple-m2-max-30c", 1, "", ""),
    "applem2max38core": ("apple-m2-max-38c", 1, "", ""),
    "applem2ultra60core": ("apple-m2-ultra-60c", 1, "", ""),
    "applem38core": ("apple-m3-8c", 1, "", ""),
    "applem310core": ("apple-m3-10c", 1, "", ""),
    "applem3pro14core": ("apple-m3-pro-14c", 1, "", ""),
    "applem3pro18core": ("apple-m3-pro-18c", 1, "", ""),
    "applem3max30core": ("apple-m3-max-30c", 1, "", ""),
    "applem3ultra60core": ("apple-m3-ultra-60c", 1, "", ""),
    "applem48core": ("apple-m4-8c", 1, "", ""),
    "applem410core": ("apple-m4-10c", 1, "", ""),
    "applem4pro16core": ("apple-m4-pro-16c", 1, "", ""),
    "applem4pro20core": ("apple-m4-pro-20c", 1, "", ""),
    "applem4max32core": ("apple-m4-max-32c", 1, "", ""),
    "applem4max36": ("apple-m4-max-32c", 1, "", ""),
    "applem4": ("apple-m4-10c", 1, "8 or 10 GPU cores: 10", ""),
    "applem2": ("apple-m2-10c", 1, "8 or 10 GPU cores: 10", ""),
    "dgxspark": ("dgx-spark", 1, "", ""),
    "gb10": ("dgx-spark", 1, "", ""),
    "gh200144": ("gh200-144", 1, "", ""),
    "max1550": ("max-1550", 1, "", ""),
    "ryzenaimax+395": ("ryzen-ai-max-395", 1, "", ""),
    "ryzenaimax395": ("ryzen-ai-max-395", 1, "", ""),
}
#: Spellings whose part differs from the catalogue's chip of nearly the same name.
_NOT = {"a100pairwise": "A100 cards joined in pairs"}
#: A stated capacity further than this from the catalogue's is another part: GH200 comes with 96 and 144 GB.
_CAPACITY_SHARE = 0.2


def _chip_words(name: str) -> tuple[str, str]:
    """A chip's name without noise, and the same with the capacity that it states, both letters and digits only."""
    text = re.sub(r"\((?!pairwise)[^)]*\)", " ", name.lower()).replace("_", " ").replace("/", " ")
    capacity = _CAPACITY.search(text)
    text = _NOISE.sub(" ", _CAPACITY.sub(" ", text))
    short = re.sub(r"nvlink|[^a-z0-9]", "", text)
    return short, short + (re.sub(r"\D.*", "", capacity[0]) if capacity else "")


@cache
def find_chip(name: str) -> Chip:
    """The catalogue's chip that a table calls ``name``.

    Raises
    ------
    Unusable
        When the catalogue lacks it; a variant with other cores or memory is another chip.

    Examples
    --------
    >>> find_chip("A100 PCIe 80GB").hardware.id, find_chip("b200_sxm").hardware.id
    ('a100-80-pcie', 'b200-sxm')
    """
    short, full = _chip_words(name)
    if full in _NOT or short in _NOT:
        raise Unusable(f"no such chip in the catalogue: {name} ({_NOT.get(full) or _NOT[short]})")
    apple = short.startswith("apple")  # memory is bought by size, and the number of GPU cores makes the part
    known = {} if apple else {re.sub(r"[^a-z0-9]", "", id): (id, 1, "", "") for id in catalogue.hardware_ids()}
    for spelling in (full, short):
        if spelling in _CHIPS or spelling in known:
            id, units, assumed, open = _CHIPS.get(spelling) or known[spelling]
            chip = Chip(catalogue.hardware(id), units, assumed, open)
            stated = float(full[len(short) :] or "nan") * 1e9
            if apple or not abs(stated / chip.hardware.memory_bytes - 1) > _CAPACITY_SHARE:
                return chip
    raise Unusable(f"no such chip in the catalogue: {name}")


#: Formats as tables write them -> the catalogue's name.
_FORMATS = {
    "fp8_block": "fp8",
    "fp8-block": "fp8",
    "float16": "fp16",
    "bfloat16": "bf16",
    "f16": "fp16",
    "e4m3": "fp8",
    "fp8_e4m3": "fp8",
    "fp4": "nvfp4",
    "w4a16": "int4",
    "int4_wo": "int4-g32",
    "int8_wo": "int8",
    "int4 g128": "int4",
    "int4 g64": "int4-g64",
    "int4 g32": "int4-g32",
    "int8 dynamic": "int8",
    "q4_k": "q4_k",
    "q2_k": "q2_k_m",
}


def find_format(text: str, say: Callable[[str], None]) -> str:
    """The format that a table writes as ``text``; ``say`` is told what had to be assumed. Empty where it says nothing.

    Raises
    ------
    Unusable
        When it is no format that the engine knows.

    Examples
    --------
    >>> find_format("int4 g128 (awq)", print), find_format("fp8 (assumed)", print)
    fp8 (assumed)
    ('int4', 'fp8')
    """
    plain = text.strip().lower()
    if not plain:
        return ""
    if re.search(r"assumed|not stated|unstated|see submission", plain):
        say(text.strip())
    plain = re.sub(r"\s*\([^)]*\)", "", plain).strip()
    for choice in plain.split("/"):  # of several, the first: tables put the narrowest there
        choice = choice.strip()
        found = _FORMATS.get(choice, choice)
        if found == "int4 g256":
            say("int4 in groups of 256 taken as groups of 128")
            return "int4"
        if found in FORMATS or found in MIXES:
            return found
    raise Unusable(f"no such format: {text}")
