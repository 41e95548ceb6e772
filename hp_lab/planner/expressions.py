"""Expressions over settings, as campaign files write them.

``n <= 3 or spacer != 'BDA'`` and ``a_site.Cs + br_fraction <= 0.5``: arithmetic,
comparisons, ``and``/``or``/``not`` and a few functions are understood; nothing is
handed to Python's ``eval``.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import numpy as np

from hp_lab.errors import InvalidConfig

Column = np.ndarray

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.Not: np.logical_not,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": np.abs,
    "sqrt": np.sqrt,
    "exp": np.exp,
    "log": np.log,
    "min": lambda *values: np.minimum.reduce(np.broadcast_arrays(*values)),
    "max": lambda *values: np.maximum.reduce(np.broadcast_arrays(*values)),
}
# Linear constraints such as a + b <= 0.5 must hold for decimal fractions too.
_SLACK = 1e-9
_SHIFT: dict[type[ast.cmpop], float] = {ast.LtE: -_SLACK, ast.GtE: _SLACK}


def _dtype(constant: object) -> type:
    return object if isinstance(constant, str) else float


def _numeric(column: Column) -> bool:
    return column.dtype != object


class Expression:
    """A parsed expression; evaluates on columns of settings at once."""

    def __init__(self, text: str) -> None:
        """Parse ``text``.

        Raises:
            InvalidConfig: It is no expression or uses something that is not allowed.
        """
        self.text = text
        try:
            self._tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError) as error:
            msg = f"expression {text!r} cannot be read: {error}"
            raise InvalidConfig(msg) from error
        self.names = frozenset(self._check(self._tree))

    def __call__(self, columns: Mapping[str, Column]) -> Column:
        """Return the expression's value for every row of ``columns``."""
        with np.errstate(all="ignore"):
            return np.asarray(self._value(self._tree, columns))

    def holds(self, columns: Mapping[str, Column], rows: int) -> Column:
        """Return a boolean array (rows,), False where the value is not a number."""
        value = np.broadcast_to(self(columns), (rows,))
        return np.asarray(np.nan_to_num(value.astype(float), nan=0.0) != 0.0)

    def _check(self, node: ast.AST) -> set[str]:
        match node:
            case ast.Constant(value=value) if isinstance(value, int | float | str):
                return set()
            case ast.Name() | ast.Attribute():
                return {self._dotted(node)}
            case ast.BinOp(op=op) if type(op) in _BINARY:
                parts: list[ast.expr] = [node.left, node.right]
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() | ast.Not()):
                parts = [node.operand]
            case ast.BoolOp():
                parts = node.values
            case ast.Compare(ops=ops) if all(type(op) in _COMPARE for op in ops):
                parts = [node.left, *node.comparators]
            case ast.Call(func=ast.Name(id=name), keywords=[]) if name in _FUNCTIONS:
                parts = node.args
            case _:
                msg = (
                    f"expression {self.text!r}: {ast.unparse(node)!r} is not allowed; "
                    "use numbers, names of settings, + - * / **, comparisons, "
                    f"and/or/not and {', '.join(sorted(_FUNCTIONS))}"
                )
                raise InvalidConfig(msg)
        return set().union(*(self._check(part) for part in parts))

    def _dotted(self, node: ast.AST) -> str:
        if isinstance(node, ast.Name):
            return node.id
        if isinstance(node, ast.Attribute):
            return f"{self._dotted(node.value)}.{node.attr}"
        msg = f"expression {self.text!r}: {ast.unparse(node)!r} is no name of a setting"
        raise InvalidConfig(msg)

    def _value(self, node: ast.AST, columns: Mapping[str, Column]) -> Column:
        def value(part: ast.AST) -> Column:
            return self._value(part, columns)

        match node:
            case ast.Constant(value=constant):
                return np.asarray(constant, dtype=_dtype(constant))
            case ast.Name() | ast.Attribute():
                return columns[self._dotted(node)]
            case ast.BinOp():
                function = _BINARY[type(node.op)]
                return np.asarray(function(value(node.left), value(node.right)))
            case ast.UnaryOp():
                return np.asarray(_UNARY[type(node.op)](value(node.operand)))
            case ast.BoolOp():
                join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
                return np.asarray(reduce(join, [value(part) for part in node.values]))
            case ast.Compare():
                return self._compare(node, columns)
            case ast.Call(func=ast.Name(id=name)):
                return np.asarray(_FUNCTIONS[name](*map(value, node.args)))
            case _:  # pragma: no cover - _check has refused it
                raise AssertionError(ast.dump(node))

    def _compare(self, node: ast.Compare, columns: Mapping[str, Column]) -> Column:
        left = self._value(node.left, columns)
        result = np.asarray(True)
        for op, comparator in zip(node.ops, node.comparators, strict=True):
            right = self._value(comparator, columns)
            shifted = (
                np.asarray(left + _SHIFT.get(type(op), 0.0)) if _numeric(left) else left
            )
            result = np.asarray(
                np.logical_and(result, _COMPARE[type(op)](shifted, right))
            )
            left = right
        return result
