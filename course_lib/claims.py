"""Claims: what a chapter says of a result, asserted where it says it.

    with claim("One number tells the radius"):
        assert order > 0.9

prints `✓ One number tells the radius`, or what does not hold. Asserts are written one comparison each, so
that a failure says which part failed.
"""

import ast
import linecache
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType


@contextmanager
def claim(statement: str) -> Iterator[None]:
    """Print `✓ statement` when all that is asserted inside holds.

    Otherwise a learner, who has turned a parameter, reads one line that says so, and the notebook goes on.
    With COURSE_STRICT=1 in the environment, as in all tests, it raises AssertionError.
    """
    try:
        yield
    except Exception as error:  # with other settings a result may not even be there
        reason = _reason(error)
        if os.environ.get("COURSE_STRICT") == "1":
            raise AssertionError(f"{statement}: {reason}") from error
        print(f"✗ {statement}: not with these settings ({reason})")
    else:
        print(f"✓ {statement}")


def _reason(error: Exception) -> str:
    """What failed, in a few words: the comparison of an assert with its numbers, or the error."""
    where = error.__traceback__
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    if not isinstance(error, AssertionError):
        return " ".join(f"{type(error).__name__}: {error}".split())[:200]
    test = None if where is None else _asserted(where)
    if str(error) or test is None:
        return " ".join(str(error).split()) or "an assert does not hold"
    parts = [test.left, *test.comparators] if isinstance(test, ast.Compare) else []
    values = [value for part in parts if (value := _value(part, where))]
    return ", where ".join(filter(None, [f"{ast.unparse(test)} is false", " and ".join(values)]))


def _asserted(where: TracebackType) -> ast.expr | None:
    """The expression of the assert that raised there; None when its source is not known."""
    source = "".join(linecache.getlines(where.tb_frame.f_code.co_filename))
    with suppress(SyntaxError):
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Assert) and node.lineno <= where.tb_lineno <= node.end_lineno:
                return node.test
    return None


def _value(part: ast.expr, where: TracebackType) -> str:
    """`name = number` for what is a number at the place of the failure, "" for a literal and all else."""
    frame = where.tb_frame
    with suppress(Exception):
        ast.literal_eval(part)
        return ""
    with suppress(Exception):
        value = eval(compile(ast.Expression(part), "<claim>", "eval"), frame.f_globals, frame.f_locals)
        return f"{ast.unparse(part)} = {float(value):.4g}"
    return ""
