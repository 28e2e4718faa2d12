"""Whole sweeps: two threads against one, and `to_parquet` against pyarrow with the same arrays in memory."""

from __future__ import annotations

from . import inputs
from .sweeps import ParquetCase, ThreadsCase, seconds


class Threads:
    unit = "1"

    def setup(self) -> None:
        self.case = ThreadsCase()

    def track_two_over_one(self) -> float:
        return self.case.scaling(2, 1 if inputs.QUICK else 5)


class Parquet:
    params = ["none", "zstd"]
    param_names = ("compression",)

    def setup(self, compression: str) -> None:
        self.case = ParquetCase(compression)
        try:
            self.write = self.case.bare()
        except ImportError:
            raise NotImplementedError from None

    def time_to_parquet(self, _: str) -> None:
        self.case.to_parquet()

    def time_pyarrow_alone(self, _: str) -> None:
        self.write()

    def time_evaluate(self, _: str) -> None:
        self.case.evaluate()

    def time_locate(self, _: str) -> None:
        self.case.locate()

    def track_share_of_pyarrow(self, _: str) -> float:
        rounds = 1 if inputs.QUICK else 5
        took = [(seconds(self.write), seconds(self.case.to_parquet)) for _ in range(rounds)]
        bare, ours = (min(column) for column in zip(*took, strict=True))
        return bare / ours


Parquet.track_share_of_pyarrow.unit = "1"  # type: ignore[attr-defined]
