"""`best`: points searched, for several objectives, limits, estimates and instruction sets."""

from __future__ import annotations

from tokenroof._native import isa_supported

from . import inputs
from .baseline import check_best
from .cases import BestCase, grid_baseline


class Best:
    """The grid where nothing can be skipped: every point is legal and fits."""

    params = (
        ["usd_per_mtok", "tpot_s", "tokens_per_s_per_chip", "joules_per_token"],
        ["limits", "none"],
        ["typical", "bound"],
        ["auto", "avx512", "avx2", "generic"],
    )
    param_names = ("objective", "where", "estimate", "isa")

    def setup(self, objective: str, where: str, estimate: str, isa: str) -> None:
        if not isa_supported(isa):
            raise NotImplementedError
        found = inputs.WHERE_2025 if where == "limits" else []
        self.case = BestCase(inputs.GRID_2025, found, objective=objective, estimate=estimate, isa=isa)

    def time_best(self, *_: str) -> None:
        self.case.run()


class BestMixed:
    """Routed experts, pipelines and points short of memory: what a user's search looks like."""

    def setup(self) -> None:
        self.case = BestCase(inputs.GRID_MIXED_2025, ["tpot_s <= 0.05"])

    def time_best(self) -> None:
        self.case.run()


class BestNumpy:
    """The competitor on the grid of `Best`, after a check that both name the same point."""

    def setup(self) -> None:
        case = BestCase(inputs.GRID_2025, inputs.WHERE_2025)
        self.baseline = grid_baseline(case)
        check_best(case.sweep, self.baseline, case.objective, case.where)

    def time_search(self) -> None:
        self.baseline.search()

    def time_search_monotone(self) -> None:
        self.baseline.search_monotone()
