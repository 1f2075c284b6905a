"""Refusals that several modules share: each raises ValueError with what was given and what is needed."""

from collections.abc import Iterable
from numbers import Integral


def whole(**named: int) -> None:
    """Counts: whole numbers of at least 1."""
    for name, value in named.items():
        if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
            raise ValueError(f"{name} must be a whole number of at least 1, not {value!r}")


def positive(**named: float) -> None:
    """Finite numbers above 0."""
    for name, value in named.items():
        if not 0 < value < float("inf"):
            raise ValueError(f"{name} must be a finite number above 0, not {value!r}")


def not_negative(**named: float) -> None:
    """Weights: 0 or more."""
    for name, value in named.items():
        if not value >= 0:
            raise ValueError(f"{name} must be 0 or more, not {value!r}")


def one_of(choices: Iterable[str], **named: str) -> None:
    """Names out of a list."""
    for name, value in named.items():
        if value not in choices:
            raise ValueError(f"{name} must be one of {', '.join(choices)}, not {value!r}")
