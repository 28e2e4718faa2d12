"""What comes before the first point: import, lowering, binding; and how much memory a large search takes."""

from __future__ import annotations

from tokenroof import Model

from . import inputs
from .cases import BindCase, import_ms, peak_memory

_AXES = {"dense": inputs.BIND_DENSE_2025, "routed": inputs.BIND_ROUTED_2025}


class Bind:
    """A plan with every combination bound."""

    params = ["dense", "routed"]
    param_names = ("models",)

    def setup(self, models: str) -> None:
        self.case = BindCase(_AXES[models])

    def time_plan(self, _: str) -> None:
        self.case.run()

    def peakmem_plan(self, _: str) -> None:
        self.case.run()


class Lowering:
    def time_from_hf(self) -> None:
        Model.from_hf(inputs.CONFIG_2025, id="config-2025")


class Import:
    """A fresh interpreter, its start-up excluded [ms]."""

    params = ["import tokenroof", "from tokenroof import Sweep", "import numpy"]
    param_names = ("statement",)
    unit = "ms"

    def track_import_ms(self, statement: str) -> float:
        return min(import_ms(statement) for _ in range(1 if inputs.QUICK else 7))


class PeakMemory:
    """Resident memory of a process that searches 1e10 points [MB]."""

    timeout = 300
    unit = "MB"

    def track_best_mb(self) -> float:
        return peak_memory()["mb"]
