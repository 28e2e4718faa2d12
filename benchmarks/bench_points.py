"""Arbitrary points: the point list, and one call a point."""

from __future__ import annotations

from . import inputs
from .cases import ListCase, ScalarCase

_AXES = {"dense": inputs.LIST_DENSE_2025, "routed": inputs.LIST_ROUTED_2025}


class PointList:
    """Random combinations of models, chips, precisions and tp, all bound beforehand."""

    params = ["dense", "routed"]
    param_names = ("models",)

    def setup(self, models: str) -> None:
        self.case = ListCase(_AXES[models])

    def time_points(self, _: str) -> None:
        self.case.run()


class PointListNumpy:
    def setup(self) -> None:
        self.run = ListCase(inputs.LIST_DENSE_2025).numpy()

    def time_points(self) -> None:
        self.run()


class Scalar:
    """`ScalarCase.calls` calls, one point each."""

    def setup(self) -> None:
        self.case = ScalarCase()

    def time_cffi(self) -> None:
        self.case.cffi()

    def time_python(self) -> None:
        self.case.python()


class ScalarNumba:
    def setup(self) -> None:
        try:
            self.run = ScalarCase().numba()
        except ImportError:
            raise NotImplementedError from None

    def time_numba(self) -> None:
        self.run()
