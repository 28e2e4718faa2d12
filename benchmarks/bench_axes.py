"""Expressions against columns; layouts as a list against their product."""

from __future__ import annotations

from tokenroof._native import isa_supported

from .cases import ExpressionCase, LayoutsCase


class Expressions:
    params = ["auto", "avx512", "avx2", "generic"]
    param_names = ("isa",)

    def setup(self, isa: str) -> None:
        if not isa_supported(isa):
            raise NotImplementedError
        self.case = ExpressionCase(isa)

    def time_built_in(self, _: str) -> None:
        self.case.built_in()

    def time_derived(self, _: str) -> None:
        self.case.derived()

    def time_best_built_in(self, _: str) -> None:
        self.case.best_built_in()

    def time_best_derived(self, _: str) -> None:
        self.case.best_derived()


class Layouts:
    """Both name the same value."""

    def setup(self) -> None:
        self.case = LayoutsCase()
        if self.case.of_product() != self.case.of_list():
            raise AssertionError("the list of layouts has another best than the product")

    def time_product(self) -> None:
        self.case.of_product()

    def time_list(self) -> None:
        self.case.of_list()
