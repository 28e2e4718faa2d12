"""The floors of ARCHITECTURE: who may import whom, what the C core must not do, and what its binary must not hold."""

from __future__ import annotations

import ast
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import tokenroof
from tokenroof import _core

PACKAGE = Path(tokenroof.__file__).parent
CSRC = Path(__file__).resolve().parent.parent / "csrc"

#: Modules and folders of the package, lowest floor first.
FLOORS = (
    ("units", "errors", "files"),
    ("formulas", "expressions", "specs", "catalogue", "lowering", "reference"),
    ("_native",),
    ("derived", "plan", "groups", "axes", "callbacks", "jit"),
    (
        "amounts",
        "coordinates",
        "layouts",
        "calibration",
        "sinks",
        "execution",
        "searches",
        "parquet",
        "sweep",
        "result",
        "binned",
        "cite",
        "text",
        "points",
        "explain",
        "collectives",
    ),
    ("fleets", "serving", "techniques", "calibrate", "plot", "validation", "claims"),
    ("cli", "__main__"),
)
FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names}
NATIVE = FLOOR["_native"]
OPTIONAL = {
    "gguf",
    "matplotlib",
    "pyarrow",
    "pandas",
    "xarray",
    "numba",
    "rich",
    "dask",
    "distributed",
    "duckdb",
    "torch",
    "transformers",
    "llvmlite",
    "scipy",
}
MODULES = sorted(PACKAGE.rglob("*.py"))


def top(path: Path) -> str:
    """The module or folder of the package that a file belongs to; "" for the package's own __init__."""
    first = path.relative_to(PACKAGE).parts[0]
    return "" if first == "__init__.py" else first.removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[str, bool, bool, int]]:
    """(absolute module, when the file is imported, for types only, line) of each import."""
    package = ("tokenroof", *path.relative_to(PACKAGE).parent.parts)

    def visit(node: ast.AST, at_import: bool, for_types: bool) -> Iterator[tuple[str, bool, bool, int]]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, at_import, for_types, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            for alias in node.names:
                yield f"{module}.{alias.name}", at_import, for_types, node.lineno
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for child in node.body:
                yield from visit(child, at_import, True)
        else:
            inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            for child in ast.iter_child_nodes(node):
                yield from visit(child, at_import and not inside, for_types)

    yield from visit(ast.parse(path.read_text(encoding="utf-8")), True, False)


def inner(module: str) -> str | None:
    """The floor's module that an absolute import of the package lands in."""
    parts = module.split(".")
    return parts[1] if parts[0] == "tokenroof" and len(parts) > 1 and parts[1] in FLOOR else None


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_imports_go_down(path: Path) -> None:
    own = top(path)
    if own == "":
        assert not [m for m, at_import, for_types, _ in imports(path) if at_import and not for_types and inner(m)], (
            "names load on first use"
        )
        return
    assert own in FLOOR, f"{own} has no floor: give it one here and in ARCHITECTURE.md"
    for module, _, for_types, line in imports(path):
        target = inner(module)
        if target is None or for_types:
            continue
        if (own, target) == ("reference", "_native"):
            continue  # the names of columns, inside a function: the next test
        assert FLOOR[target] <= FLOOR[own], (
            f"line {line}: {own} (floor {FLOOR[own]}) imports {target} (floor {FLOOR[target]})"
        )


def test_below_the_native_module_nothing_needs_it_or_numpy() -> None:
    for path in MODULES:
        own = top(path)
        if own == "" or FLOOR[own] >= NATIVE:
            continue
        for module, at_import, for_types, line in imports(path):
            where = f"{path.name}, line {line}: {module}"
            assert module.split(".")[0] not in ("numpy", "cffi"), where
            if module.startswith(("tokenroof._native", "tokenroof._core")):
                assert own == "reference" and not at_import and module == "tokenroof._native.COLUMNS" or for_types, (
                    where
                )


def test_one_door_leads_to_the_native_module() -> None:
    doors = {
        top(path) for path in MODULES for module, *_ in imports(path) if module.startswith(("tokenroof._core", "cffi"))
    }
    assert doors == {"_native"}


def test_no_circles_when_modules_are_imported() -> None:
    """Imports within functions may lead back on the same floor; those of modules may not."""
    names = {}
    for path in MODULES:
        parts = ("tokenroof", *path.relative_to(PACKAGE).with_suffix("").parts)
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    graph: dict[str, set[str]] = {}
    for name, path in names.items():
        wanted = {m for m, at_import, for_types, _ in imports(path) if at_import and not for_types}
        graph[name] = {
            t
            for m in wanted
            for t in (m, m.rpartition(".")[0])
            if t in names and t != name and not name.startswith(f"{t}.")
        }
    # a package and the modules that it gathers: an import of the package by its own module is dropped above
    assert list(TopologicalSorter(graph).static_order())


def test_optional_libraries_are_imported_where_they_are_used() -> None:
    for path in MODULES:
        for module, at_import, for_types, line in imports(path):
            if module.split(".")[0] in OPTIONAL and not for_types:
                assert not at_import, f"{path.name}, line {line}: import {module} inside the function that needs it"


def test_formulas_need_nothing_but_math() -> None:
    needed = {module for module, _, for_types, _ in imports(PACKAGE / "formulas.py") if not for_types}
    assert needed == {"__future__.annotations", "math"}


# The core's sources. Device names and architectures are policy; printing and files belong to callers.

SOURCES = sorted([*CSRC.glob("*.c"), *CSRC.glob("*.h")])


def code(path: Path) -> str:
    """A source without comments and strings."""
    text = path.read_text(encoding="utf-8")
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\])*"', lambda m: '""' if m[0][0] == '"' else " ", text, flags=re.S)


def test_the_formula_sheet_includes_nothing() -> None:
    assert "#include" not in code(CSRC / "formulas.h")


def test_the_core_has_its_floors() -> None:
    """C0 and C1 are headers without the contract; nobody but the core sees internal.h."""
    includes = {p.name: set(re.findall(r'#include "([^"]+)"', p.read_text(encoding="utf-8"))) for p in SOURCES}
    assert not includes["columns.h"] and not includes["tokenroof.h"]
    assert includes["internal.h"] == {"columns.h", "formulas.h", "tokenroof.h"}
    own = {
        "bind_links.h",
        "expr.h",
        "internal.h",
        "kernel_body.h",
        "seq.h",
        "select.h",
        "groups.h",
        "front.h",
        "best.h",
    }
    assert all(found <= own for name, found in includes.items() if name.endswith(".c"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.name)
def test_the_core_neither_prints_nor_opens_files_nor_starts_threads(path: Path) -> None:
    text = code(path)
    calls = "printf|fprintf|puts|putchar|perror|fopen|open|read|write|system|getenv|exit|abort|rand|time|signal"
    assert not re.findall(rf"\b({calls}|pthread_\w+|thrd_\w+)\s*\(", text)
    headers = set(re.findall(r"#include <([^>]+)>", text))
    assert headers <= {"float.h", "math.h", "stdarg.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "string.h"}
    assert "stdio.h" not in headers or path.name == "status.c", "vsnprintf, for messages"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.name)
def test_the_core_has_no_mutable_globals(path: Path) -> None:
    """At file scope only functions, types and constants; within functions nothing static."""
    depth, scope = 0, ""
    for piece in re.split(r"([{}])", re.sub(r"^\s*#(?:[^\n]*\\\n)*[^\n]*", "", code(path), flags=re.M)):
        depth += (piece == "{") - (piece == "}")
        if depth == 0:
            scope += "{}" if piece == "}" else piece
        else:
            assert not re.search(r"\bstatic\b(?!\s+(inline|const)\b)", piece), f"{path.name}: static inside a function"
    scope = re.sub(r"\)\s*\{\}", ");", scope.replace('extern ""', ""))  # a function's body ends a statement
    for statement in (" ".join(part.split()) for part in scope.split(";")):
        head = statement.split("=")[0].strip(" {}")
        if (
            head.startswith("typedef")
            or re.fullmatch(r"((struct|union|enum)\b.*)?", head)
            or re.search(r"\)$", head)
            and "=" not in statement
        ):
            continue  # a type, or a function
        constant = re.search(r"\bconst\b", head) and not re.search(r"\*\s*\w+\s*(\[[^\]]*\]\s*)*$", head)
        assert constant, f"{path.name}: {statement[:80]!r}"


def test_the_core_knows_no_names() -> None:
    """Operators and numbers only: no maker, chip or architecture."""
    names = {
        "nvidia",
        "amd",
        "intel",
        "apple",
        "google",
        "groq",
        "llama",
        "mistral",
        "mixtral",
        "qwen",
        "deepseek",
        "gpt",
    }
    names |= {"mla", "mamba", "h100", "a100", "b200", "mi300x", "tpu", "hbm", "nvlink"}
    for path in SOURCES:
        assert not names & set(re.findall(r"[a-z0-9]+", code(path).lower().replace("_", " "))), path.name


# The binary, as built.

objdump = pytest.mark.skipif(not shutil.which("objdump"), reason="objdump is not installed")


@pytest.fixture(scope="module")
def functions() -> dict[str, str]:
    """Disassembly of each function of the extension."""
    done = subprocess.run(
        ["objdump", "-d", "--no-show-raw-insn", _core.__file__], capture_output=True, text=True, check=True
    )
    found: dict[str, str] = {}
    for block in done.stdout.split("\n\n"):
        head = re.match(r"[0-9a-f]+ <([^>]+)>:", block.strip())
        if head:
            found[head[1]] = block
    return found


@objdump
def test_nothing_is_contracted(functions: dict[str, str]) -> None:
    """A fused multiply-add rounds once where the sheet rounds twice: bits would depend on the CPU."""
    fused = re.compile(r"\s(vf(?:n?m)(?:add|sub|addsub|subadd)\w*|fn?m(?:add|sub)|fml[as])\s")
    assert sum("mul" in body for body in functions.values()) > 10, "this is the arithmetic"
    assert {name: fused.findall(body)[:3] for name, body in functions.items() if fused.search(body)} == {}


@objdump
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="ymm and zmm are registers of x86-64")
@pytest.mark.parametrize(
    ("isa", "width", "wider"), [("avx2", "ymm", "zmm"), ("avx512", "zmm", ""), ("generic", "xmm", "ymm")]
)
def test_kernels_use_the_registers_of_their_instruction_set(
    functions: dict[str, str], isa: str, width: str, wider: str
) -> None:
    kernels = {name: body for name, body in functions.items() if re.fullmatch(rf"\w+_{isa}(\.\w+)*", name)}
    if not kernels:
        pytest.skip("the extension is stripped: kernels have no names")
    for kernel in ("batch", "basis", "column", "operate", "search", "tally", "corners", "extremes"):
        bodies = "".join(body for name, body in kernels.items() if re.match(rf"{kernel}(_\w+)?_{isa}", name))
        arithmetic = re.findall(rf"\s(?:v?(?:mul|add|div|min|max)pd)\s[^\n]*%{width}", bodies)
        assert arithmetic, f"{kernel}: the compiler did not vectorise it"
        assert not wider or f"%{wider}" not in bodies, f"{kernel}: {wider} in {isa}"


@objdump
def test_the_binary_has_no_data_that_changes() -> None:
    done = subprocess.run(["objdump", "-t", _core.__file__], capture_output=True, text=True, check=True)
    writable = [
        line.split()[-1] for line in done.stdout.splitlines() if re.search(r"\sO\s+\.(data|bss|tdata|tbss)\s", line)
    ]
    of_others = ("_cffi", "__", "completed", "_GLOBAL", "static_")
    assert [name for name in writable if not name.startswith(of_others)] == []
