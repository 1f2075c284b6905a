"""Unfamiliar code: a script with mistakes that nobody points at, and a judge of the tests written for it."""

import inspect
import io
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import torch

from course_lib.checks.feedback import Answer, Mistake, NotAttempted, State, WrongAnswer


@dataclass(frozen=True)
class Flaw:
    """A mistake to put into a script: its kind, what it concerns (in words), and what it turns into what."""

    kind: str
    concerns: str
    right: str
    wrong: str


@dataclass(frozen=True)
class Script:
    """A module that is right as it stands, the name of the class under test, and the mistakes to put in."""

    module: ModuleType
    thing: str
    flaws: tuple[Flaw, ...]

    def source(self, *kinds: str) -> str:
        """The code without its docstring, with the mistakes of these kinds in it."""
        code = inspect.getsource(self.module).removeprefix(f'"""{self.module.__doc__}"""').strip()
        for flaw in self.flaws:
            if flaw.kind in kinds:
                if code.count(flaw.right) != 1:
                    raise ValueError(f"{flaw.kind}: {flaw.right!r} must stand once in the script")
                code = code.replace(flaw.right, flaw.wrong)
        return code

    def build(self, *kinds: str) -> type:
        """The class under test, with the mistakes of these kinds in it."""
        namespace: dict = {"__name__": self.module.__name__}
        exec(compile(self.source(*kinds), self.module.__name__, "exec"), namespace)
        return namespace[self.thing]


def mistakes_in_tests(script: Script) -> tuple[Mistake, ...]:
    """What can be wrong with tests of the script; the names of the flaws are those that no test catches."""
    return (
        Mistake(
            "refuses_the_right_one",
            "{test} fails on the class with nothing wrong in it: it asks for something that is not so, or it "
            "stumbles itself. It stopped with {error}",
        ),
        Mistake(
            "unused",
            "{test} has not used the class that it is given: test the argument, not the class of the cell "
            "above.{error}",
        ),
        Mistake(
            "returns",
            "{test} returns {value} and raises nothing: a test speaks by failing. Write `assert …`.",
        ),
        Mistake(
            "catches_nothing",
            "{test} passes whatever mistake is in the class, so it tests none of the three. Does it fail on "
            "the class as it stands above? (It must raise: what it prints says nothing.)",
        ),
        Mistake(
            "same_tests",
            "Each mistake is caught, but two of them by exactly the same tests: when these fail, nobody "
            "knows where to look. Let one test ask for less.",
        ),
        *(
            Mistake(flaw.kind, f"One kind of mistake passes all your tests. It concerns {flaw.concerns}.")
            for flaw in script.flaws
        ),
    )


def judge_tests(answer: Answer, script: Script) -> None:
    """Run the learner's tests on the right class, then on one class for each mistake."""
    tests = [answer.f] if callable(answer.f) else answer.f
    if not isinstance(tests, (list, tuple)) or not tests or not all(map(callable, tests)):
        raise WrongAnswer("Give the check a list of your test functions, without calling them.", "type")
    written = {}
    for i, test in enumerate(tests):
        name = getattr(test, "__name__", f"test {i + 1}")
        outcomes = [_outcome(answer, test, script.build()) for _ in range(2)]
        if any(isinstance(outcome, NotImplementedError) for outcome in outcomes):
            continue
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                text = " ".join(str(outcome).split())[:120]
                said = f"{type(outcome).__name__}: {text}" if text else f"an empty {type(outcome).__name__}."
                if not _uses_what_it_is_given(answer, test, script):
                    answer.fail("unused", test=name, error=f" It stopped with {said}")
                answer.fail("refuses_the_right_one", test=name, error=said)
            if outcome is not None:
                answer.fail("returns", test=name, value=_short(outcome))
        written[name, i] = test
    if not written:
        raise NotAttempted()
    caught = {flaw.kind: set() for flaw in script.flaws}
    for key, test in written.items():
        for kind in caught:
            if any(isinstance(_outcome(answer, test, script.build(kind)), Exception) for _ in range(2)):
                caught[kind].add(key)
    for key, test in written.items():
        if not any(key in found for found in caught.values()):
            if not _uses_what_it_is_given(answer, test, script):
                answer.fail("unused", test=key[0], error="")
            answer.fail("catches_nothing", test=key[0])
    for kind, found in caught.items():
        if not found:
            answer.fail(kind)
    if len(set(map(frozenset, caught.values()))) < len(caught):
        answer.fail("same_tests")


def asked(answer: Answer, part: Callable, name: str = "", /, **inputs: object) -> object:
    """What the class, a method of it or one of several functions returns, printing nothing.

    An exception becomes one sentence, which calls the part by its own name or by `name`.
    """
    one = Answer(part, name or getattr(part, "__name__", answer.name), answer.mistakes)
    one.rng = answer.rng
    with redirect_stdout(io.StringIO()):
        return one.call(**inputs)


def turned_round(first: Callable, second: Callable, inputs: np.ndarray) -> bool:
    """Whether the second function of a pair makes codes of the inputs, and the first does not."""

    def makes_codes(part: Callable) -> bool:
        try:
            shape = part(inputs).shape
        except (WrongAnswer, NotAttempted):
            return False
        return shape[:1] == inputs.shape[:1] and shape != inputs.shape

    return not makes_codes(first) and makes_codes(second)


def _uses_what_it_is_given(answer: Answer, test: Callable, script: Script) -> bool:
    """Whether the test calls the class that it is given, or takes anything from it."""
    thing, used = script.build(), []

    class Watched:
        def __call__(self, *args: object, **options: object) -> object:
            used.append("call")
            return thing(*args, **options)

        def __getattribute__(self, name: str) -> object:
            used.append(name)
            return getattr(thing, name)

    _outcome(answer, test, Watched())
    return bool(used)


def _outcome(answer: Answer, test: Callable, thing: type) -> object:
    """What the test returns, or the exception with which it fails."""
    before = State({})
    torch.default_generator.manual_seed(int(torch.randint(2**62, (), generator=answer.rng)))
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            return test(thing)
    except Exception as error:
        return error
    finally:
        changes = before.restore()
        if changes:
            raise WrongAnswer(f"A test {next(iter(changes.values()))}.", next(iter(changes)))


def _short(value: object) -> str:
    return " ".join(str(value).split())[:40]
