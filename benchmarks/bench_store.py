"""`store`: five float64 columns of a range, into fresh and into reused arrays, beside memset and NumPy."""

from __future__ import annotations

from tokenroof._native import isa_supported

from . import inputs
from .baseline import GridBaseline, cpu_seconds
from .cases import StoreCase, limits


class Store:
    params = (["typical", "bound"], ["auto", "avx512", "avx2", "generic"])
    param_names = ("estimate", "isa")

    def setup(self, estimate: str, isa: str) -> None:
        if not isa_supported(isa):
            raise NotImplementedError
        self.case = StoreCase(estimate, isa)

    def time_reused(self, *_: str) -> None:
        self.case.reused()

    def time_fresh(self, *_: str) -> None:
        self.case.into_fresh()


class StoreShare:
    """Share of memset's rate, both measured in turns."""

    params = ["reused", "fresh", "reused 8 MB"]
    param_names = ("arrays",)
    unit = "1"

    def setup(self, arrays: str) -> None:
        case = StoreCase(points=inputs.STORE_POINTS_8MB_2025 if "8 MB" in arrays else inputs.STORE_POINTS_2025)
        self.sides = (case.reused, case.memset_reused) if arrays != "fresh" else (case.into_fresh, case.memset_fresh)

    def track_share_of_memset(self, _: str) -> float:
        seconds: list[list[float]] = [[], []]
        for _round in range(1 if inputs.QUICK else 9):
            for side, took in zip(self.sides, seconds, strict=True):
                begin = cpu_seconds()
                side()
                took.append(cpu_seconds() - begin)
        return min(seconds[1]) / min(seconds[0])


class StoreNumpy:
    def setup(self) -> None:
        self.case = StoreCase()
        self.baseline = GridBaseline(self.case.sweep, *limits(inputs.WHERE_2025))

    def time_reused(self) -> None:
        self.baseline.store(self.case.points, self.case.out)
