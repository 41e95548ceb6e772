"""Expressions over settings, as campaign files write them.

``n <= 3 or spacer != 'BDA'`` and ``a_site.Cs + br_fraction <= 0.5``: arithmetic,
comparisons, ``and``/``or``/``not`` and a few functions are understood; nothing is
handed to Python's ``eval``.
"""

import ast
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from hp_lab.errors import InvalidConfig, instead

Column = np.ndarray
# Every setting, with its labels; a number has none.
Labels = Mapping[str, Sequence[str]]
_Kind = Literal["number", "truth", "text"]

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
# Decimal fractions are not exact: 0.1 + 0.2 is above 0.3 by rounding alone. Numbers as
# near as this are equal, in every comparison, as a share of what they are made of.
_SLACK = 1e-9
# Of the difference of two numbers, and of how far equal ones are apart.
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: lambda gap, slack: gap < -slack,
    ast.LtE: lambda gap, slack: gap <= slack,
    ast.Gt: lambda gap, slack: gap > slack,
    ast.GtE: lambda gap, slack: gap >= -slack,
    ast.Eq: lambda gap, slack: np.abs(gap) <= slack,
    ast.NotEq: lambda gap, slack: np.abs(gap) > slack,
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
_OF_MANY = ("min", "max")
# Settings of a profile's segments have a number in their names, which Python's have
# not: anneal.1.c is read with a word before it. Texts are left as they are.
_SEGMENT = "__segment__"
_NUMBERED = re.compile(r"""'[^']*'|"[^"]*"|([A-Za-z_]\w*\.)(?=\d)""")


def _dtype(constant: object) -> type:
    return object if isinstance(constant, str) else float


def _numeric(column: Column) -> bool:
    return column.dtype != object


def _with_word(match: re.Match[str]) -> str:
    return match[0] + _SEGMENT if match[1] else match[0]


class Expression:
    """A parsed expression; evaluates on columns of settings at once."""

    def __init__(self, text: str, what: str = "expression") -> None:
        """Parse ``text``; errors call it ``what``.

        Raises:
            InvalidConfig: It is no expression or uses something that is not allowed.
        """
        self.text = text
        self._what = what
        try:
            told = _NUMBERED.sub(_with_word, text.strip())
            self._tree = ast.parse(told, mode="eval").body
        except (SyntaxError, ValueError) as error:
            msg = f"{what} {text!r} cannot be read: {error}"
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

    def check(self, labels: Labels, *, constraint: bool) -> None:
        """Check that settings are used as what they are.

        Args:
            labels: Every setting, with its labels; none where it is a number.
            constraint: Whether the expression has to hold, or to be a number.

        Raises:
            InvalidConfig: A name is no setting, a label does not exist, labels are
                ordered, calculated with or compared with numbers, or the whole is no
                comparison, or no number.
        """
        for name in sorted(self.names - set(labels)):
            raise self._wrong(f"{name!r} is no setting; {instead(name, labels)}")
        kind = self._kind(self._tree, labels)
        if constraint and kind != "truth":
            raise self._wrong("it compares nothing; write it as n + 1 <= 3 is")
        if not constraint and kind != "number":
            raise self._wrong(
                f"it is a {kind}, not a number; write it as 1 + 0.1 * n is"
            )

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
            case ast.Call(func=ast.Name(id=name), args=parts, keywords=[]) if (
                name in _FUNCTIONS and (len(parts) == 1 or (parts and name in _OF_MANY))
            ):
                pass
            case _:
                raise self._wrong(
                    f"{ast.unparse(node)!r} is not allowed; use numbers, names of "
                    "settings, + - * / **, comparisons, and/or/not and "
                    f"{', '.join(sorted(_FUNCTIONS))}"
                )
        return set().union(*(self._check(part) for part in parts))

    def _dotted(self, node: ast.AST) -> str:
        if isinstance(node, ast.Name):
            return node.id
        if isinstance(node, ast.Attribute):
            return f"{self._dotted(node.value)}.{node.attr.removeprefix(_SEGMENT)}"
        raise self._wrong(f"{ast.unparse(node)!r} is no name of a setting")

    def _wrong(self, why: str) -> InvalidConfig:
        why = why.replace(_SEGMENT, "")
        return InvalidConfig(f"{self._what} {self.text!r}: {why}")

    def _kind(self, node: ast.AST, labels: Labels) -> _Kind:
        """Return what a part is; refuse what cannot be made of its own parts."""
        match node:
            case ast.Constant(value=constant):
                return "text" if isinstance(constant, str) else "number"
            case ast.Name() | ast.Attribute():
                return "text" if labels[self._dotted(node)] else "number"
            case ast.Compare():
                sides = pairwise([node.left, *node.comparators])
                for op, (left, right) in zip(node.ops, sides, strict=True):
                    self._check_sides(op, left, right, labels)
                return "truth"
            case ast.BoolOp(values=parts):
                return self._truth(parts, labels)
            case ast.UnaryOp(op=ast.Not()):
                return self._truth([node.operand], labels)
            case _:
                pass
        for part in ast.iter_child_nodes(node):
            if isinstance(part, ast.expr) and self._is_text(part, labels):
                raise self._wrong(
                    f"{ast.unparse(part)} is a text and cannot be calculated"
                )
        return "number"

    def _is_text(self, node: ast.expr, labels: Labels) -> bool:
        # A function's name is no setting.
        function = isinstance(node, ast.Name) and node.id in _FUNCTIONS
        return not function and self._kind(node, labels) == "text"

    def _truth(self, parts: Sequence[ast.expr], labels: Labels) -> _Kind:
        for part in parts:
            if self._kind(part, labels) != "truth":
                raise self._wrong(
                    f"{ast.unparse(part)} is no comparison; and, or and not join "
                    "comparisons such as n <= 3"
                )
        return "truth"

    def _check_sides(
        self, op: ast.cmpop, left: ast.expr, right: ast.expr, labels: Labels
    ) -> None:
        texts = [self._kind(one, labels) == "text" for one in (left, right)]
        if not any(texts):
            return
        if not all(texts):
            text, other = (left, right) if texts[0] else (right, left)
            raise self._wrong(
                f"{ast.unparse(text)} is a text and {ast.unparse(other)} is none; "
                "compare it with a label, in quotes"
            )
        if not isinstance(op, ast.Eq | ast.NotEq):
            raise self._wrong(
                f"{ast.unparse(left)} is a text without order; compare it with == or !="
            )
        for one, other in ((left, right), (right, left)):
            if isinstance(one, ast.Constant) and not isinstance(other, ast.Constant):
                known = labels[self._dotted(other)]
                if one.value not in known:
                    raise self._wrong(
                        f"{one.value!r} is no label of {ast.unparse(other)}; "
                        f"{instead(str(one.value), known)}"
                    )

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
        before, left = node.left, self._value(node.left, columns)
        result = np.asarray(True)
        for op, comparator in zip(node.ops, node.comparators, strict=True):
            right = self._value(comparator, columns)
            if _numeric(left) and _numeric(right):
                gap = np.subtract(left, right, dtype=float)
                sizes = [self._size(part, columns) for part in (before, comparator)]
                slack = _SLACK * np.maximum(*sizes)
                # The difference of two infinities is none; to a number it is no
                # rounding.
                held = _COMPARE[type(op)](
                    np.where(left == right, 0.0, gap),
                    np.where(np.isfinite(slack), slack, 0.0),
                )
            else:
                held = np.equal(left, right) == isinstance(op, ast.Eq)
            result = np.asarray(np.logical_and(result, held))
            before, left = comparator, right
        return result

    def _size(self, node: ast.AST, columns: Mapping[str, Column]) -> Column:
        """Return how large the numbers are of which a part is made.

        A difference may be far smaller than these, and its rounding is not.
        """

        def size(part: ast.AST) -> Column:
            return self._size(part, columns)

        match node:
            case ast.BinOp(op=ast.Add() | ast.Sub()):
                result = size(node.left) + size(node.right)
            case ast.BinOp(op=ast.Mult()):
                result = size(node.left) * size(node.right)
            case ast.BinOp(op=ast.Div()):
                result = size(node.left) / np.abs(self._value(node.right, columns))
            case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
                result = size(node.operand)
            case ast.Call(func=ast.Name(id="abs"), args=[part]):
                result = size(part)
            case ast.Call(func=ast.Name(id="min" | "max"), args=parts):
                # Of what is chosen: the others may be larger by far.
                value = self._value(node, columns)
                sizes = [
                    np.where(self._value(part, columns) == value, size(part), 0.0)
                    for part in parts
                ]
                result = np.maximum.reduce(np.broadcast_arrays(*sizes))
            case ast.Call(func=ast.Name(id="log")):
                # Near 1 the argument's rounding is as large as the logarithm.
                result = np.maximum(np.abs(self._value(node, columns)), 1.0)
            case _:
                result = np.abs(self._value(node, columns).astype(float))
        return np.asarray(result)
