"""What `import tokenroof` costs and offers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import tokenroof

HEAVY = (
    "numpy",
    "rich",
    "matplotlib",
    "pyarrow",
    "pandas",
    "xarray",
    "numba",
    "cffi",
    "tokenroof._core",
    "tokenroof._native",
)


def fresh(code: str) -> str:
    """What a new interpreter prints."""
    path = str(Path(tokenroof.__file__).parent.parent)
    script = f"import sys\nsys.path.insert(0, {path!r})\n{code}"
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_loads_nothing_heavy() -> None:
    assert fresh(f"import tokenroof\nprint([m for m in {HEAVY!r} if m in sys.modules])").strip() == "[]"


def test_a_catalogue_needs_neither_numpy_nor_the_core() -> None:
    code = "import tokenroof as tr\ntr.model('llama-2-7b'), tr.model_ids(), tr.hardware('h100-sxm'), tr.hardware_ids()"
    assert fresh(f"{code}\nprint([m for m in {HEAVY!r} if m in sys.modules])").strip() == "[]"


def test_a_point_needs_no_optional_library() -> None:
    optional = [m for m in HEAVY if m in ("rich", "matplotlib", "pyarrow", "pandas", "xarray", "numba")]
    code = "import tokenroof as tr\naxes = dict(model='llama-2-7b', hardware='h100-sxm')\n"
    code += "tr.point(**axes).tpot_s\ntr.Sweep(**axes).run('tpot_s')\ntr.Sweep(**axes).best('tpot_s')"
    assert fresh(f"{code}\nprint([m for m in {optional!r} if m in sys.modules])").strip() == "[]"


@pytest.mark.parametrize("name", tokenroof.__all__)
def test_every_public_name_is_there(name: str) -> None:
    value = getattr(tokenroof, name)
    assert value is getattr(tokenroof, name)
    assert name in dir(tokenroof)
    home = getattr(value, "__module__", "")
    assert not home or home.startswith("tokenroof"), home


def test_the_names_of_the_architecture_are_public() -> None:
    wanted = {
        "model",
        "hardware",
        "point",
        "Model",
        "Hardware",
        "Sweep",
        "Plan",
        "Point",
        "Result",
        "Table",
        "precision",
        "COLUMNS",
        "UNITS",
    }
    assert wanted <= set(tokenroof.__all__)
    assert tokenroof.__all__ == sorted(set(tokenroof.__all__))


def test_public_names_are_right_in_any_order_of_first_use() -> None:
    """`point` and `fleet` are functions and modules of one name: a module must never take the function's place."""
    for first in (
        "import tokenroof.sweep, tokenroof.points, tokenroof.cli",
        "tr.Point",
        "tr.Sweep",
        "from tokenroof import plan, result",
    ):
        assert fresh(
            f"import tokenroof as tr\n{first}\nprint(tr.point.__name__, callable(tr.point), callable(tr.fleet))"
        ).split() == ["point", "True", "True"]


def test_unknown_names_say_so() -> None:
    with pytest.raises(AttributeError, match="module 'tokenroof' has no attribute 'pont'"):
        tokenroof.pont  # noqa: B018
    with pytest.raises(ImportError, match="pont"):
        from tokenroof import pont  # type: ignore[attr-defined]  # noqa: F401


def test_the_version_is_the_projects() -> None:
    text = (Path(__file__).resolve().parent.parent / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{tokenroof.__version__}"' in text
