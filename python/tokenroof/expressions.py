"""Expressions over columns and axes, ``"usd_per_mtok + 0.1 * tpot_s"``: read, checked for units, turned into steps.

Python's own grammar is read with `ast` and a whitelist of its nodes; Python evaluates nothing. Libraries that evaluate
such strings (numexpr) work on whole arrays and round as they please; these run inside the core, tile by tile, to the
same bits on every path.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeGuard

from .errors import SpecError, UnknownNameError

__all__ = ["FUNCTIONS", "Apply", "Expression", "Name", "Node", "Number", "parse_expression", "split_limit"]

#: Functions that expressions may call, with the least number of arguments.
FUNCTIONS = {"min": 2, "max": 2, "sqrt": 1, "abs": 1, "ceil": 1, "floor": 1}
_ARITHMETIC = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_COMPARISONS = {ast.LtE: "<=", ast.Lt: "<", ast.GtE: ">=", ast.Gt: ">", ast.Eq: "==", ast.NotEq: "!="}
_NUMBERS = {"inf": math.inf}
_LONGEST = 10_000  # characters
_DEPTH, _STEPS = 16, 4096  # TR_EXPR_DEPTH and TR_EXPR_STEPS of the core


@dataclass(frozen=True, slots=True)
class Number:
    """A number that the caller wrote."""

    value: float


@dataclass(frozen=True, slots=True)
class Name:
    """A column or an axis."""

    name: str


@dataclass(frozen=True, slots=True)
class Apply:
    """An operation of one or two values."""

    operation: str
    values: tuple[Node, ...]


Node = Number | Name | Apply
#: Powers of the base units; None: any, as of a number that the caller wrote.
_Unit = dict[str, Fraction] | None
_Typed = tuple[Node, _Unit, bool]  # bool: true or false, 1 or 0


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression, its unit (empty where a coefficient decides it) and whether it is true or false."""

    text: str
    tree: Node
    unit: str
    truth: bool

    @property
    def steps(self) -> tuple[tuple[str, str | float], ...]:
        """Postfix order: ``("number", 0.1)``, ``("name", "tpot_s")``, ``("*", "")``."""
        return tuple(_postfix(self.tree))


def parse_expression(text: str, units: Mapping[str, str], field: str = "expression") -> Expression:
    """Read an expression over the names of ``units`` (name -> unit).

    Numbers, names, ``+ - * /``, comparisons, ``and or not``, and `FUNCTIONS`. Truths count as 1 and 0. Values of
    different units are neither added nor compared; a coefficient takes whatever unit is needed.

    Raises
    ------
    SpecError
        For what is no expression, or adds or compares different units.
    UnknownNameError
        For a name that is not in ``units``; with the nearest.

    Examples
    --------
    >>> e = parse_expression("usd_per_mtok + 0.1 * tpot_s", {"usd_per_mtok": "USD", "tpot_s": "s"})
    >>> e.unit, e.steps[-3:]
    ('USD', (('name', 'tpot_s'), ('*', ''), ('+', '')))
    """
    if not isinstance(text, str) or len(text) > _LONGEST:
        raise SpecError(field, text if not isinstance(text, str) else text[:40] + "...", "an expression of columns")
    reader = _Reader(text, units, field)
    try:
        body = ast.parse(text.strip(), mode="eval").body
        tree, unit, truth = reader.read(body)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        if isinstance(error, SpecError):
            raise
        raise SpecError(field, text, "an expression such as 'usd_per_mtok + 0.1 * tpot_s'") from None
    found = Expression(text, tree, _spell(unit), truth)
    _check_size(found, field)
    return found


_TURNED = {"<=": ">=", "<": ">", ">=": "<=", ">": "<", "==": "==", "!=": "!="}


def split_limit(text: str) -> tuple[str, str, float] | None:
    """The value, comparison and number of a limit; None for anything else.

    >>> split_limit("ttft_s / tpot_s < 40"), split_limit("0.05 >= tpot_s"), split_limit("ttft_s < tpot_s")
    (('ttft_s / tpot_s', '<', 40.0), ('tpot_s', '<=', 0.05), None)
    """
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if not isinstance(node, ast.Compare) or len(node.ops) != 1 or type(node.ops[0]) not in _COMPARISONS:
        return None
    left, right, operation = node.left, node.comparators[0], _COMPARISONS[type(node.ops[0])]
    if _constant(left) is not None and _constant(right) is None:
        left, right, operation = right, left, _TURNED[operation]
    number = _constant(right)
    value = ast.get_source_segment(text.strip(), left)
    return None if number is None or value is None or _constant(left) is not None else (value, operation, number)


def _is_number(value: object) -> TypeGuard[float]:
    return type(value) in (int, float)  # True and False are no numbers here


def _constant(node: ast.expr) -> float | None:
    if isinstance(node, ast.Constant) and _is_number(node.value):
        return float(node.value) if abs(node.value) < 2**1023 else math.inf
    if isinstance(node, ast.Name) and node.id in ("inf", "nan"):
        return float(node.id)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        inner = _constant(node.operand)
        return inner if inner is None or isinstance(node.op, ast.UAdd) else -inner
    return None


class _Reader:
    """From Python's syntax tree to ours."""

    def __init__(self, text: str, units: Mapping[str, str], field: str) -> None:
        self.text, self.units, self.field = text, units, field

    def wrong(self, expected: str) -> SpecError:
        return SpecError(self.field, self.text, expected)

    def read(self, node: ast.expr) -> _Typed:
        if isinstance(node, ast.Constant) and _is_number(node.value):
            return self.number(node.value)
        if isinstance(node, ast.Name | ast.Attribute):
            return self.name(ast.unparse(node))
        if isinstance(node, ast.BinOp):
            return self.arithmetic(node)
        if isinstance(node, ast.UnaryOp):
            return self.unary(node)
        if isinstance(node, ast.Compare):
            return self.comparison(node)
        if isinstance(node, ast.BoolOp):
            return self.logic(node)
        if isinstance(node, ast.Call):
            return self.call(node)
        raise self.wrong(f"columns, axes, numbers, + - * /, comparisons and {', '.join(FUNCTIONS)}")

    def number(self, value: float) -> _Typed:
        try:
            found = float(value)
        except OverflowError:
            raise self.wrong("numbers that fit a float64") from None
        return Number(found), None, False

    def name(self, name: str) -> _Typed:
        if name in _NUMBERS:
            return Number(_NUMBERS[name]), None, False
        if name == "nan":
            raise self.wrong("numbers that are not NaN")
        if name not in self.units:
            raise UnknownNameError(f"name in {self.text!r}", name, self.units)
        return Name(name), _parse_unit(self.units[name]), False

    def arithmetic(self, node: ast.BinOp) -> _Typed:
        operation = _ARITHMETIC.get(type(node.op))
        if operation is None:
            raise self.wrong("+ - * / between values; a power is written x * x or sqrt(x)")
        (left, a, _), (right, b, _) = self.read(node.left), self.read(node.right)
        if operation in "+-":
            return Apply(operation, (left, right)), self.same(operation, a, b), False
        sign = 1 if operation == "*" else -1
        unit = None if a is None or b is None else _times(a, b, sign)
        return Apply(operation, (left, right)), unit, False

    def unary(self, node: ast.UnaryOp) -> _Typed:
        value, unit, truth = self.read(node.operand)
        if isinstance(node.op, ast.UAdd):
            return value, unit, False
        if isinstance(node.op, ast.USub):
            return (Number(-value.value) if isinstance(value, Number) else Apply("neg", (value,))), unit, False
        if not isinstance(node.op, ast.Not) or not truth:
            raise self.wrong("'not' before a comparison")
        return Apply("-", (Number(1.0), value)), {}, True

    def comparison(self, node: ast.Compare) -> _Typed:
        """Also of several: a <= b <= c."""
        sides = [self.read(side) for side in (node.left, *node.comparators)]
        parts: list[Node] = []
        for op, (left, a, _), (right, b, _) in zip(node.ops, sides, sides[1:], strict=False):
            operation = _COMPARISONS.get(type(op))
            if operation is None:
                raise self.wrong(f"one of the comparisons {' '.join(_COMPARISONS.values())}")
            self.same(operation, a, b)
            parts.append(Apply(operation, (left, right)))
        return _fold("min", parts), {}, True

    def logic(self, node: ast.BoolOp) -> _Typed:
        sides = [self.read(side) for side in node.values]
        word = "and" if isinstance(node.op, ast.And) else "or"
        if not all(truth for _, _, truth in sides):
            raise self.wrong(f"comparisons on both sides of {word!r}")
        return _fold("min" if word == "and" else "max", [side for side, _, _ in sides]), {}, True

    def call(self, node: ast.Call) -> _Typed:
        name = node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func)
        if name not in FUNCTIONS:
            raise UnknownNameError(f"function in {self.text!r}", name, FUNCTIONS)
        least = FUNCTIONS[name]
        if node.keywords or len(node.args) < least or (least == 1 and len(node.args) > 1):
            raise self.wrong(f"{name} of {'two or more values' if least > 1 else 'one value'}")
        values = [self.read(arg) for arg in node.args]
        unit = values[0][1]
        for _, other, _ in values[1:]:
            unit = self.same(name, unit, other)
        if least > 1:
            return _fold(name, [value for value, _, _ in values]), unit, False
        if name == "sqrt" and unit is not None:
            unit = {base: power / 2 for base, power in unit.items()}
        return Apply(name, (values[0][0],)), unit, False

    def same(self, operation: str, a: _Unit, b: _Unit) -> _Unit:
        """The unit of both sides; what a coefficient decides takes the other's."""
        if a is None or b is None:
            return b if a is None else a
        if a != b:
            raise self.wrong(
                f"one unit on both sides of {operation!r}, not {_spell(a)} and {_spell(b)}; "
                "a coefficient turns one into the other, e.g. 0.1 * tpot_s"
            )
        return a


def _fold(operation: str, values: list[Node]) -> Node:
    tree = values[0]
    for value in values[1:]:
        tree = Apply(operation, (tree, value))
    return tree


def _postfix(node: Node) -> list[tuple[str, str | float]]:
    if isinstance(node, Number):
        return [("number", node.value)]
    if isinstance(node, Name):
        return [("name", node.name)]
    return [step for value in node.values for step in _postfix(value)] + [(node.operation, "")]


def _check_size(expression: Expression, field: str) -> None:
    """What the core's stack and its programs may hold."""
    depth = most = 0
    steps = expression.steps
    arity = {"neg": 1} | FUNCTIONS
    for kind, _ in steps:
        depth += 1 if kind in ("number", "name") else 1 - arity.get(kind, 2)
        most = max(most, depth)
    if most > _DEPTH or len(steps) > _STEPS:
        text = expression.text if len(expression.text) <= 80 else expression.text[:77] + "..."
        raise SpecError(field, text, f"at most {_DEPTH} values at once and {_STEPS} steps: nest less")


def _parse_unit(text: str) -> dict[str, Fraction]:
    unit: dict[str, Fraction] = {}
    for sign, part in zip((1, *(-1,) * text.count("/")), text.split("/"), strict=True):
        if part == "W":  # watts are joules per second
            unit = _times(_times(unit, {"J": Fraction(1)}, sign), {"s": Fraction(1)}, -sign)
        elif part not in ("1", ""):
            unit = _times(unit, {part: Fraction(1)}, sign)
    return unit


def _times(a: dict[str, Fraction], b: dict[str, Fraction], sign: int) -> dict[str, Fraction]:
    powers = {base: a.get(base, Fraction(0)) + sign * b.get(base, Fraction(0)) for base in (*a, *b)}
    return {base: power for base, power in powers.items() if power}


def _spell(unit: _Unit) -> str:
    """``"1/s/USD"``; empty where any unit will do."""
    if unit is None:
        return ""

    def power(base: str, exponent: Fraction) -> str:
        return base if exponent == 1 else f"{base}^{float(exponent):g}"

    over = " ".join(power(base, p) for base, p in sorted(unit.items()) if p > 0) or "1"
    return "/".join([over, *(power(base, -p) for base, p in sorted(unit.items()) if p < 0)])
