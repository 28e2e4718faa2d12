"""Examples of the package's docstrings, those of decorated functions too, are run."""

from __future__ import annotations

import doctest
import inspect
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import tokenroof

MODULES = [
    module.name
    for module in pkgutil.walk_packages(tokenroof.__path__, "tokenroof.")
    if not module.name.endswith(("__main__", "._core"))
]


def examples(module: ModuleType) -> Iterator[doctest.DocTest]:
    """Of the module and of what is written in it; doctest itself passes over what a decorator returned."""
    yield from doctest.DocTestFinder(recurse=False).find(module)
    for name, value in vars(module).items():
        inner = inspect.unwrap(value) if callable(value) else None
        if inner is not None and getattr(inner, "__module__", "") == module.__name__:
            yield from doctest.DocTestFinder().find(inner, f"{module.__name__}.{name}", module)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    runner = doctest.DocTestRunner(verbose=False)
    said: list[str] = []
    for example in examples(import_module(name)):
        runner.run(example, out=said.append)
    assert not runner.failures, "".join(said)


def test_decorated_functions_are_not_passed_over() -> None:
    from tokenroof.fleets import money

    found = {example.name for example in examples(money) if example.examples}
    assert {f"{money.__name__}.{name}" for name in money.__all__} <= found
