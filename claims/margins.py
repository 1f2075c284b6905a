"""How far each comparison of a claim was from failing: its asserts are rewritten, as pytest does.

`install()` makes IPython wrap every comparison inside `with claim("…"):`. A margin is relative to the limit,
which is the right-hand side, or the left one where only that is a plain number: 0.2 means that the value
could move by a fifth of the limit. (A limit of 0 leaves the margin as it is.) The smallest is kept.
"""

import ast
import builtins
import json
import operator
from contextlib import suppress

import numpy as np

OPERATORS = {"Lt": operator.lt, "LtE": operator.le, "Gt": operator.gt, "GtE": operator.ge}
MARGINS: dict[str, dict[str, float]] = {}  # statement → assert → smallest margin


def install() -> None:
    """From the next cell on, measure. For a kernel."""
    builtins.__margin__ = compare
    get_ipython().ast_transformers.append(MeasureClaims())  # noqa: F821


def as_json() -> str:
    """What was measured so far."""
    return json.dumps(MARGINS)


def compare(place: tuple[str, str], name: str, limit_is_left: bool, left: object, right: object) -> object:
    """`left < right`, or what else `name` says, noting how far that was from being otherwise."""
    with suppress(TypeError, ValueError):  # shapes that do not fit, or no numbers
        gap, limit = numbers(right) - numbers(left), np.abs(numbers(left if limit_is_left else right))
        gap = gap if name.startswith("Lt") else -gap
        margin = float(np.min(gap / np.where(limit > 0, limit, 1)))
        found = MARGINS.setdefault(place[0], {})
        found[place[1]] = min(margin, found.get(place[1], float("inf")))
    return OPERATORS[name](left, right)


def numbers(value: object) -> np.ndarray:
    """A number, array or tensor as float64."""
    return np.asarray(value.detach().cpu() if hasattr(value, "detach") else value, dtype=float)


class MeasureClaims(ast.NodeTransformer):
    """Wraps the comparisons in the asserts of `with claim("…"):`."""

    def visit_With(self, node: ast.With) -> ast.With:
        if (statement := statement_of(node)) is not None:
            for part in filter(lambda n: isinstance(n, ast.Assert), ast.walk(node)):
                part.test = _Wrap((statement, ast.unparse(part.test))).visit(part.test)
        return ast.fix_missing_locations(node)


class _Wrap(ast.NodeTransformer):
    def __init__(self, place: tuple[str, str]):
        self.place = place

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        name = type(node.ops[0]).__name__
        if len(node.ops) > 1 or name not in OPERATORS:
            return node
        left, right = node.left, node.comparators[0]
        limit_is_left = is_literal(left) and not is_literal(right)
        arguments = [ast.Constant(value) for value in (self.place, name, limit_is_left)]
        return ast.copy_location(
            ast.Call(ast.Name("__margin__", ast.Load()), [*arguments, left, right], []), node
        )

    def visit_Call(self, node: ast.Call) -> ast.expr:
        # of `any(…)` the largest margin would count, of `not …` the opposite one: left alone
        return node if ast.unparse(node.func) == "any" else self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        return node


def is_literal(node: ast.expr) -> bool:
    """Whether an expression is a number as written."""
    with suppress(ValueError):
        ast.literal_eval(node)
        return True
    return False


def statement_of(node: ast.With) -> str | None:
    """The statement of a `with claim("…"):`, None for any other `with`."""
    call = node.items[0].context_expr
    if isinstance(call, ast.Call) and ast.unparse(call.func) == "claim" and call.args:
        return ast.literal_eval(call.args[0])
    return None
