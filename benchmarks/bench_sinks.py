"""Sinks besides best and store: points gathered on the grid where nothing can be skipped."""

from __future__ import annotations

from tokenroof._native import isa_supported

from . import inputs
from .cases import SinkCase, sinks_2025


class Gather:
    params = (list(sinks_2025()), ["auto", "avx512", "avx2", "generic"])
    param_names = ("sink", "isa")

    def setup(self, sink: str, isa: str) -> None:
        if not isa_supported(isa):
            raise NotImplementedError
        self.case = SinkCase(sinks_2025()[sink], isa)

    def time_gather(self, *_: str) -> None:
        self.case.run()


class BestBound:
    """The search by bounds: seconds for the answer, never a rate of points."""

    def setup(self) -> None:
        self.case = SinkCase(sinks_2025()["best, by bounds"])

    def time_search(self) -> None:
        self.case.run()

    def track_share_evaluated(self) -> float:
        """Share of the grid's points that it evaluates."""
        return 1.0 - self.case.run().proven / self.case.points


class GatherNumpy:
    """The competitor, after a check that both gather the same."""

    def setup(self) -> None:
        self.baseline = SinkCase.checked()
        self.edges = inputs.HISTOGRAM_EDGES_2025

    def time_histogram(self) -> None:
        self.baseline.histogram(self.edges)

    def time_count(self) -> None:
        self.baseline.count()
