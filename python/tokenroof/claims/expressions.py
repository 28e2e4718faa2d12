"""Arithmetic of a claim: Python's expression grammar, read by a walker that knows numbers, names and library calls.

Nothing is ever handed to the interpreter: what is not listed here is refused.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from ..errors import SpecError, UnknownNameError

__all__ = ["evaluate", "names_in"]

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
}
#: Plain functions that a step may call.
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "ceil": math.ceil,
    "exp": math.exp,
    "floor": math.floor,
    "len": len,
    "log": math.log,
    "log10": math.log10,
    "max": max,
    "min": min,
    "round": round,
    "sqrt": math.sqrt,
    "sum": sum,
}
#: Names of the library itself, and its modules whose functions a step may call.
_LIBRARY = ("Demand", "Sweep", "fleet", "hardware", "model", "point", "precision")
_MODULES = ("collectives", "fleets", "formulas", "layouts", "specs", "techniques")


def evaluate(text: str, names: Mapping[str, Any], where: str) -> Any:
    """Value of an expression.

    Parameters
    ----------
    text : str
        Numbers, strings, lists, names, attributes, subscripts, arithmetic, comparisons, ``and or not``,
        ``a if b else c`` and calls of the library: ``point("llama-3-70b", "h100-sxm", tp=8).tpot_s``.
    names : mapping
        What a name may stand for.
    where : str
        For messages.

    Raises
    ------
    SpecError
        For text that is no expression, or something that no claim needs.
    UnknownNameError
        For a name that nothing stands for.

    Examples
    --------
    >>> evaluate("2 * n / rate >= 0.04", {"n": 70e9, "rate": 3.35e12}, "example")
    True
    """
    return _walk(_parse(text, where).body, names, where)


def names_in(text: str, where: str) -> set[str]:
    """The names that an expression reads."""
    return {node.id for node in ast.walk(_parse(text, where)) if isinstance(node, ast.Name)}


def _parse(text: str, where: str) -> ast.Expression:
    try:
        return ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, TypeError) as error:
        raise SpecError(where, text, f"an expression ({error})") from None


def _walk(node: ast.expr, names: Mapping[str, Any], where: str) -> Any:
    def value(part: ast.expr) -> Any:
        return _walk(part, names, where)

    match node:
        case ast.Constant(value=constant) if isinstance(constant, int | float | str | bool):
            return constant
        case ast.Name(id=name):
            return _named(name, names, where)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _BINARY[type(op)](value(left), value(right))
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _UNARY:
            return _UNARY[type(op)](value(operand))
        case ast.Compare(left=first, ops=ops, comparators=others) if all(type(op) in _COMPARE for op in ops):
            sides = [value(first), *map(value, others)]
            return all(_COMPARE[type(op)](a, b) for op, a, b in zip(ops, sides, sides[1:], strict=False))
        case ast.BoolOp(op=ast.And(), values=parts):
            return all(value(part) for part in parts)
        case ast.BoolOp(op=ast.Or(), values=parts):
            return any(value(part) for part in parts)
        case ast.IfExp(test=test, body=body, orelse=other):
            return value(body) if value(test) else value(other)
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [value(item) for item in items]
        case ast.Dict(keys=keys, values=values) if None not in keys:
            return {value(k): value(v) for k, v in zip(keys, values, strict=True) if k is not None}
        case ast.Subscript(value=held, slice=index):
            return value(held)[value(index)]
        case ast.Attribute(value=held, attr=name) if not name.startswith("_"):
            return getattr(value(held), name)
        case ast.Call(func=function, args=args, keywords=keywords) if all(k.arg for k in keywords):
            return value(function)(*map(value, args), **{str(k.arg): value(k.value) for k in keywords})
    raise SpecError(where, ast.unparse(node), "numbers, names, arithmetic, comparisons and calls of the library")


def _named(name: str, names: Mapping[str, Any], where: str) -> Any:
    if name in names:
        return names[name]
    if name in _FUNCTIONS:
        return _FUNCTIONS[name]
    if name in _LIBRARY:
        return getattr(import_module("tokenroof"), name)
    if name in _MODULES:
        return import_module(f"tokenroof.{name}")
    raise UnknownNameError(f"name in {where}", name, [*names, *_FUNCTIONS, *_LIBRARY, *_MODULES])
