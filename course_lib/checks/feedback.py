"""What all checks share: how an answer is called, compared and judged, and what the learner reads."""

import copy
import math
import numbers
import secrets
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps

import numpy as np
import torch
from torch import Tensor

NEAR_FIRST = (0.02, 1)  # of the tolerance: by chance a wrong answer may come near another mistake


class _Feedback:
    """An exception that Jupyter shows as its message alone, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]


class WrongAnswer(_Feedback, AssertionError):
    """The answer is not right yet; the message says what to look at. `mistake` is the mistake's name."""

    def __init__(self, message: str, mistake: str = "value"):
        super().__init__(message)
        self.mistake = mistake


class NotAttempted(_Feedback, NotImplementedError):
    """The exercise still holds its stub."""

    def __init__(self, message: str = "Not attempted yet: replace the line `raise NotAttempted()` first."):
        super().__init__(message)


@dataclass(frozen=True)
class Mistake:
    """A classic wrong answer: its name, what to tell who makes it, and what it would return.

    `answer` takes the inputs of the exercise; without it the check finds the mistake in its own way and
    calls `Answer.fail(name)`.
    """

    name: str
    message: str
    answer: Callable | None = None


def check(*mistakes: Mistake, tests: str) -> Callable:
    """Turn `check_x(answer: Answer)` into the public `check_x(f)`, which knows these mistakes.

    `tests` says in a few words what is tested; the line of success quotes it. The judge may return a
    short sentence, such as the value that an experiment reached: it is printed at the end of that line.
    """

    def decorate(judge: Callable[["Answer"], str | None]) -> Callable:
        name = judge.__name__.removeprefix("check_")

        @wraps(judge)
        def public(f: object) -> None:
            if f is None:
                raise NotAttempted()
            answer, verdict = attempt(f)
            if isinstance(verdict, WrongAnswer) and answer.gave_numbers:
                # One number can be another mistake's by chance: other draws must say the same.
                other = attempt(f)[1]
                if named(other) != named(verdict) and named(attempt(f)[1]) == named(other):
                    verdict = other
            if isinstance(verdict, WrongAnswer):
                raise verdict
            notes = [note for note in (verdict, answer.advice) if note]
            print(" ".join([f"✓ {name} is right. Tested: {tests}.", *notes]))

        def named(verdict: object) -> str | None:
            return verdict.mistake if isinstance(verdict, WrongAnswer) else None

        def attempt(f: object) -> tuple["Answer", "str | WrongAnswer | None"]:
            answer = Answer(f, name, mistakes)
            try:
                fact = judge(answer)
            except WrongAnswer as refusal:
                return answer, refusal
            return answer, answer.left_behind or fact

        del public.__wrapped__  # inspect must show the learner's argument, f
        public.mistakes = {mistake.name: mistake for mistake in mistakes}
        return public

    return decorate


class Answer:
    """What the learner wrote, and the only way in which a check touches it."""

    def __init__(self, f: object, name: str, mistakes: tuple[Mistake, ...]):
        self.f = f
        self.name = name
        self.mistakes = mistakes
        self.rng = torch.Generator().manual_seed(fresh_seed())
        self.left_behind: WrongAnswer | None = None  # told when nothing worse is found
        self.advice = ""  # told to a right answer, too
        self.gave_numbers = False  # whether a result was a single number
        self.reseeded = False  # whether the last call set PyTorch's global seed
        self.given: dict[str, object] = {}  # the copies that the last call got: gradients arrive there

    def normal(self, *shape: int) -> Tensor:
        """Fresh standard normal numbers, another draw in every check."""
        return torch.randn(*shape, generator=self.rng)

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Fresh uniform numbers."""
        return low + (high - low) * torch.rand(*shape, generator=self.rng)

    def fail(self, name: str, **facts: object) -> None:
        """Raise the message of the mistake `name`, with `facts` filled in."""
        message = next(m.message for m in self.mistakes if m.name == name)
        raise WrongAnswer(message.format(**facts) if facts else message, name)

    def call(self, **inputs: object) -> object:
        """f(*inputs), called on copies: whatever goes wrong inside becomes one sentence."""
        if not callable(self.f):
            raise WrongAnswer(
                f"{self.name} must be a function, and it is {_a_kind(self.f)}: pass the function itself, "
                "without calling it.",
                "type",
            )
        given = self.given = {name: _copy(value) for name, value in inputs.items()}
        before = State(inputs)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a warning on stderr would cost points
                seed = int(torch.randint(2**62, (), generator=self.rng))
                torch.default_generator.manual_seed(seed)  # 200 times faster than torch.manual_seed
                result = self.f(*given.values())
                self.reseeded = torch.initial_seed() != seed
        except NotImplementedError:
            raise NotAttempted() from None
        except Exception as error:
            text = " ".join(str(error).split())[:200] or "no message"
            raise WrongAnswer(
                f"{self.name} stopped with {type(error).__name__}: {text}. It was given {describe(inputs)}.",
                "raised",
            ) from None
        finally:
            changes = before.restore()
        if self.reseeded and "seed" not in inputs:
            changes["seed_fixed"] = "sets the global seed: whoever calls it gets the same luck for ever after"
        for mistake, change in changes.items():
            own = [m.message for m in self.mistakes if m.name == mistake]
            refusal = WrongAnswer(own[0] if own else f"{self.name} {change}.", mistake)
            if mistake == "mode_left_behind" and not own:  # only where the exercise speaks of it
                self.advice = f"By the way, {refusal}"
                continue
            if mistake not in ("mode_left_behind", "seed_fixed"):
                raise refusal
            self.left_behind = self.left_behind or refusal
        for name, value in inputs.items():
            if not _same(given[name], value):
                raise WrongAnswer(
                    f"{self.name} changed its input {name}: whoever calls it may still need the old "
                    "values. Make a new tensor instead of writing into this one.",
                    "changed_input",
                )
        if result is None:
            raise WrongAnswer(f"{self.name} returned nothing: does it end in `return …`?", "nothing")
        return result

    def number(self, value: object, what: str = "") -> float:
        """A result that should be one number: a Python or NumPy number, or a tensor with one element."""
        subject, self.gave_numbers = what or self.name, True
        if isinstance(value, (Tensor, np.ndarray, np.generic)) and np.prod(value.shape) == 1:
            value = value.item()
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            must = "be" if what else "return"
            raise WrongAnswer(f"{subject} must {must} one number, not {_a_kind(value)}.", "type")
        if not math.isfinite(value):
            raise WrongAnswer(f"{subject} is {value}, which is no finite number.", "nan")
        return float(value)

    def tensor(self, value: object, inputs: dict[str, object], what: str = "") -> Tensor:
        """A result that should be a tensor of real numbers, as float64 on the CPU without a graph.

        NumPy arrays, lists of numbers and whole numbers will do.
        """
        subject = what or self.name
        kind, value = _a_kind(value), _as_tensor(value)
        if not isinstance(value, Tensor):
            raise WrongAnswer(f"{subject} must be a tensor, not {kind}.", "type")
        devices = {v.device for v in inputs.values() if isinstance(v, Tensor)}
        if devices and value.device not in devices:
            raise WrongAnswer(
                f"{subject} lies on the device {value.device}, its input on {devices.pop()}: keep both "
                "on one.",
                "device",
            )
        if value.dtype == torch.bool or value.is_complex():
            raise WrongAnswer(f"{subject} has the type {value.dtype}: return float32.", "dtype")
        return value.detach().cpu().double()

    def compare(
        self, expected: Tensor | float, rtol: float = 1e-3, atol: float = 1e-4, **inputs: object
    ) -> None:
        """Call the answer with `inputs` and hold it against `expected`: shape, then value.

        A wrong result is looked for among the mistakes first, then shown beside the expected one.
        """
        value = self.call(**inputs)
        self.match(value, expected, rtol, atol, **inputs)

    def match(
        self,
        value: object,
        expected: Tensor | float,
        rtol: float = 1e-3,
        atol: float = 1e-4,
        **inputs: object,
    ) -> None:
        """Hold a result that is already there against `expected`, as `compare` does."""
        found = self.tensor(value, inputs)
        expected = torch.as_tensor(expected).detach().double()
        if close(found, expected, rtol, atol):
            return
        for near in NEAR_FIRST:
            for mistake in self.mistakes:
                if mistake.answer and _gives(mistake.answer, inputs, found, near * rtol, near * atol):
                    raise WrongAnswer(mistake.message, mistake.name)
        raise self._refusal(self.name, found, expected, inputs)

    def compare_parts(
        self, expected: dict[str, Tensor | float], rtol: float = 1e-3, atol: float = 1e-4, **inputs: object
    ) -> None:
        """As `compare`, for an answer that returns several things: `expected` maps their names to values.

        The `answer` of a mistake then returns as many things, in the same order.
        """
        results = self.parts(self.call(**inputs), *expected)
        found = [self.tensor(part, inputs, name) for name, part in zip(expected, results, strict=True)]
        right = [torch.as_tensor(part).detach().double() for part in expected.values()]
        agrees = [close(*pair, rtol, atol) for pair in zip(found, right, strict=True)]
        if all(agrees):
            return
        for near in NEAR_FIRST:
            for mistake in (mistake for mistake in self.mistakes if mistake.answer is not None):
                wrong = mistake.answer(*(_copy(value) for value in inputs.values()))
                wrong = [torch.as_tensor(part).detach().double() for part in wrong]
                if all(close(*pair, near * rtol, near * atol) for pair in zip(found, wrong, strict=True)):
                    raise WrongAnswer(mistake.message, mistake.name)
        first = agrees.index(False)
        raise self._refusal(list(expected)[first], found[first], right[first], inputs)

    def check_gradient(
        self,
        reference: Callable,
        wrt: str,
        part: int | None = None,
        rtol: float = 1e-2,
        atol: float = 1e-3,
        **inputs: object,
    ) -> None:
        """Hold the gradient of the result, or of its `part`, for the input `wrt` against the reference's.

        The mistake "detached" is for an answer through which no gradient flows.
        """
        inputs[wrt] = inputs[wrt].detach().clone().requires_grad_()
        try:
            result = self.call(**inputs)
        except WrongAnswer as error:
            if "numpy" in str(error):
                self.fail("detached")
            raise
        result = result if part is None else result[part]
        if not (isinstance(result, Tensor) and result.requires_grad):
            self.fail("detached")
        (found,) = torch.autograd.grad(result.sum(), self.given[wrt], allow_unused=True)
        if found is None:
            self.fail("detached")
        (right,) = torch.autograd.grad(reference(*inputs.values()).sum(), inputs[wrt])
        if not bool(found.isfinite().all()):
            raise WrongAnswer(
                f"{self.name} returns the right numbers here, and their gradient for {wrt} is NaN or "
                "infinite: torch.where does not keep out the gradient of the branch that is not taken. It "
                f"was given {describe(inputs)}.",
                "gradient",
            )
        if not close(found.double(), right.double(), rtol, atol):
            raise WrongAnswer(
                f"{self.name} returns the right numbers here, and their gradient for {wrt} is wrong: part of "
                f"the computation is cut off from it. It was given {describe(inputs)}.",
                "gradient",
            )

    def compare_edge(
        self,
        expected: Tensor | float | dict[str, Tensor | float],
        rtol: float = 1e-3,
        atol: float = 1e-4,
        **inputs: object,
    ) -> None:
        """As `compare` or `compare_parts` where mistakes look alike (B = 1, D = 1, …): none is named."""
        value = self.call(**inputs)
        several = isinstance(expected, dict)
        right = expected if several else {self.name: expected}
        for subject, part in zip(right, self.parts(value, *right) if several else [value], strict=True):
            found, wanted = self.tensor(part, inputs, subject), torch.as_tensor(right[subject])
            if not close(found, wanted.detach().double(), rtol, atol):
                raise self._refusal(subject, found, wanted.detach().double(), inputs)

    def match_number(
        self, value: float, right: float, rtol: float = 1e-3, atol: float = 1e-6, **inputs: object
    ) -> None:
        """As `match`, for one number where mistakes look alike: none is named."""
        if not math.isclose(value, right, rel_tol=rtol, abs_tol=atol):
            raise WrongAnswer(
                f"{self.name} is {value:.4g} where {right:.4g} is right; it was given {describe(inputs)}.",
                "value",
            )

    def parts(self, value: object, *names: str) -> list:
        """The results of an answer that returns several things, in order."""
        if isinstance(value, (tuple, list)) or (isinstance(value, (Tensor, np.ndarray)) and value.ndim):
            if len(value) == len(names):
                return list(value)
            found = f"{_a_kind(value)} of length {len(value)}"
        else:
            found = _a_kind(value)
        raise WrongAnswer(
            f"{self.name} must return {len(names)} things, {', '.join(names)}, and it returned {found}.",
            "type",
        )

    def _refusal(
        self, subject: str, found: Tensor, expected: Tensor, inputs: dict[str, object]
    ) -> WrongAnswer:
        """What to say of a wrong result that no mistake explains: shape, then NaN, then value."""
        if found.shape != expected.shape:
            return WrongAnswer(
                f"{subject} must have the shape {tuple(expected.shape)} here, not {tuple(found.shape)}. "
                f"The function was given {describe(inputs)}.",
                "shape",
            )
        if not bool(torch.isfinite(found[torch.isfinite(expected)]).all()):
            return WrongAnswer(
                f"{subject} is NaN or infinite. The function was given {describe(inputs)}.", "nan"
            )
        return WrongAnswer(self._difference(subject, found, expected, inputs), "value")

    def _difference(self, subject: str, found: Tensor, expected: Tensor, inputs: dict[str, object]) -> str:
        """The place where they differ most, with the inputs at that place when they have its shape."""
        off = torch.where(found == expected, 0.0, found - expected)  # two infinities agree
        where = off.abs().nan_to_num(nan=math.inf).argmax().item()
        at = np.unravel_index(where, expected.shape) if expected.ndim else ()
        index = f"[{', '.join(str(int(i)) for i in at)}]" if at else ""
        returned, right = found.flatten()[where], expected.flatten()[where]
        text = f"{subject} is {returned:.4g} where {right:.4g} is right"
        near = [
            f"{name}{index} = {value.flatten()[where]:.4g}"
            for name, value in inputs.items()
            if isinstance(value, Tensor) and value.shape == expected.shape and value.is_floating_point()
        ]
        text = f"{text} (at {', '.join(near)})." if near else f"{text}; it was given {describe(inputs)}."
        whole = [torch.equal(found, rounded) for rounded in (expected.trunc(), expected.round())]
        cut = found.numel() > 1 and any(whole) and not bool((expected == expected.round()).all())
        return text + (" All of yours are whole numbers: were the fractions cut off?" if cut else "")


def close(found: Tensor, expected: Tensor, rtol: float = 1e-3, atol: float = 1e-4) -> bool:
    """Same shape, and every number within the tolerance; NaN is close to nothing."""
    return found.shape == expected.shape and torch.allclose(found, expected, rtol=rtol, atol=atol)


def describe(inputs: dict[str, object]) -> str:
    """The inputs in words: short values as they are, tensors by their shape."""
    parts = []
    for name, value in inputs.items():
        if isinstance(value, (Tensor, np.ndarray)):
            small = np.prod(value.shape) <= 4 and isinstance(value, Tensor)
            shown = [round(x, 3) for x in value.flatten().tolist()] if small else None
            parts.append(f"{name} = {shown}" if small else f"{name} of the shape {tuple(value.shape)}")
        elif isinstance(value, (numbers.Real, str, tuple, list)):
            parts.append(f"{name} = {value!r}")
        else:
            parts.append(f"{name}, {_a_kind(value)}")
    return ", ".join(parts) if parts else "nothing"


class State:
    """What an answer must leave as it was: two switches of PyTorch, and the models that it is given."""

    def __init__(self, inputs: dict[str, object]):
        self.switches = torch.is_grad_enabled(), torch.get_default_dtype()
        self.rng = torch.get_rng_state()
        models = [value for value in inputs.values() if isinstance(value, torch.nn.Module)]
        trains = any(isinstance(value, torch.optim.Optimizer) for value in inputs.values())
        self.modules = [(module, module.training) for model in models for module in model.modules()]
        self.parameters = [(p, p.requires_grad) for model in models for p in model.parameters()]
        self.values = [] if trains else [(p, p.detach().clone()) for p, _ in self.parameters]

    def restore(self) -> dict[str, str]:
        """Put everything back, and say what had changed: the mistake's name → what the answer does."""
        grad, dtype = self.switches
        found = {
            "gradients_off": torch.is_grad_enabled() != grad
            and "leaves gradients switched off for everything after it: use `with torch.no_grad():`",
            "default_dtype": torch.get_default_dtype() != dtype
            and "changes PyTorch's default dtype for everything after it: convert your own tensors",
            "model_frozen": any(p.requires_grad != needed for p, needed in self.parameters)
            and "leaves the model frozen: its parameters have another requires_grad than before",
            "model_changed": any(not torch.equal(p, old) for p, old in self.values)
            and "changes the weights of the model that it is given",
            "mode_left_behind": any(module.training != mode for module, mode in self.modules)
            and "leaves the model in another mode than before: look at model.training",
        }
        torch.set_grad_enabled(grad)
        torch.set_default_dtype(dtype)
        torch.set_rng_state(self.rng)
        for p, needed in self.parameters:
            p.requires_grad_(needed)
        for module, mode in self.modules:
            module.training = mode
        return {mistake: text for mistake, text in found.items() if text}


def fresh_seed() -> int:
    """Another seed for every check; the tests replace it to repeat a run."""
    return secrets.randbits(62)


def _gives(mistaken: Callable, inputs: dict[str, object], found: Tensor, rtol: float, atol: float) -> bool:
    """Whether a mistaken answer returns what was found."""
    wrong = torch.as_tensor(mistaken(*(_copy(value) for value in inputs.values()))).detach().double()
    same = close(found, wrong, rtol, atol)
    return same or (
        found.shape == wrong.shape
        and bool(torch.equal(found.isnan(), wrong.isnan()))
        and bool(wrong.isnan().any())
        and close(found.nan_to_num(), wrong.nan_to_num(), rtol, atol)
    )


def _copy(value: object) -> object:
    """A copy, so that the check keeps the original; but a model and its optimizer must stay a pair."""
    if isinstance(value, (torch.nn.Module, torch.optim.Optimizer)):
        return value
    if isinstance(value, Tensor):
        return value.detach().clone().requires_grad_(value.requires_grad)
    return copy.deepcopy(value)


def _as_tensor(value: object) -> object:
    """Numbers, arrays and lists of numbers as tensors. Several tensors are several results, and stay."""
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        return torch.tensor(float(value), dtype=torch.float64)
    if isinstance(value, (bool, np.ndarray, np.generic)):
        try:
            return torch.as_tensor(value)
        except (TypeError, ValueError):  # an array of text or of objects
            return value
    if isinstance(value, (list, tuple)) and value:
        parts = [_as_tensor(part) for part in value]
        alike = all(isinstance(part, Tensor) and part.shape == parts[0].shape for part in parts)
        several = any(isinstance(part, (Tensor, np.ndarray)) for part in value)
        if alike and not (several and parts[0].ndim):
            return torch.stack([part.detach().cpu() for part in parts])
    return value


def _same(a: object, b: object) -> bool:
    if isinstance(a, Tensor):
        return isinstance(b, Tensor) and a.shape == b.shape and bool(torch.equal(a, b))
    if isinstance(a, np.ndarray):
        return bool(np.array_equal(a, b))
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(_same, a, b))
    return True  # models and generators may change


def _a_kind(value: object) -> str:
    if isinstance(value, (Tensor, np.ndarray)):
        return f"{'a tensor' if isinstance(value, Tensor) else 'an array'} of the shape {tuple(value.shape)}"
    kind = type(value).__name__
    return "None" if value is None else f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
