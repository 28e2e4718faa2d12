"""cffi build: the declarations are cut from tokenroof.h, so that the contract is written once."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

from cffi import FFI

HERE = Path(__file__).resolve().parent
SOURCES = [
    *("bind", "expr", "inputs", "kernel", "legal", "list", "network", "plan", "status", "walk"),
    *("groups", "select", "best", "bound", "count", "front", "histogram", "pareto", "ranks", "reduce", "store"),
]
FLAGS = ["-std=c11", "-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-fvisibility=hidden"]


def declarations() -> str:
    """The part of tokenroof.h between its cffi marks."""
    text = (HERE / "tokenroof.h").read_text(encoding="utf-8")
    begin, end = (text.index(f"/* cffi: {mark} */") for mark in ("begin", "end"))
    return text[begin:end]


free_threaded = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
relative = Path("csrc")  # setuptools wants paths relative to setup.py

ffibuilder = FFI()
ffibuilder.cdef(declarations())
ffibuilder.set_source(
    "tokenroof._core",
    '#include "tokenroof.h"',
    sources=[str(relative / f"{name}.c") for name in SOURCES],
    depends=[str(p.relative_to(HERE.parent)) for p in sorted(HERE.glob("*.h"))],
    include_dirs=[str(relative)],
    libraries=[] if sys.platform == "win32" else ["m"],  # pow, while planning
    extra_compile_args=[] if sys.platform == "win32" else FLAGS,
    py_limited_api=not free_threaded,
)
