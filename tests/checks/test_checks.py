"""Every check accepts right answers however they are written, and names what is wrong with the others.

The answers are in answers/, a module for each chapter; the solutions come from solutions/.
`ROUNDS=50` in the environment repeats everything with other random inputs.
"""

import importlib
import inspect
import os
import pkgutil
import warnings
from contextlib import suppress

import numpy as np
import pytest
import torch

from course_lib import anomaly, checks, data
from course_lib.checks import NotAttempted, WrongAnswer, feedback
from course_lib.checks import ch03_anomaly_detection as chapter_3
from course_lib.losses import reconstruction_error
from tests.checks import answers
from tests.checks.exercise_rules import exercises_of, solution_of
from tools.notebooks import ROOT

ROUNDS = range(int(os.environ.get("ROUNDS", "1")))
MODULES = [
    importlib.import_module(f"{answers.__name__}.{m.name}") for m in pkgutil.iter_modules(answers.__path__)
]
RIGHT = {name: list_ for module in MODULES for name, list_ in module.RIGHT.items()}
WRONG = {name: list_ for module in MODULES for name, list_ in module.WRONG.items()}
CHECKS = {name: getattr(checks, name) for name in checks.__all__ if name.startswith("check_")}
SOLVED = {e.check: path for path in sorted((ROOT / "solutions").glob("*.ipynb")) for e in exercises_of(path)}
# Experiments that train have no quick solution: nbval runs them, and the tables hold stand-ins.
SOLUTIONS = {name: answer for name in SOLVED if (answer := solution_of(SOLVED[name], name)) is not None}


@pytest.fixture(params=ROUNDS, autouse=True)
def another_draw(request, monkeypatch):
    """Other inputs in each round, the same ones when a round is repeated."""
    torch.manual_seed(request.param)
    np.random.seed(request.param)  # noqa: NPY002 (answers may draw from it)
    seeds = iter(range(1_000_000 * request.param, 1_000_000 * (request.param + 1)))
    monkeypatch.setattr(feedback, "fresh_seed", lambda: next(seeds))


def cases(table: dict[str, list]) -> list:
    return [
        pytest.param(name, answer, id=f"{name.removeprefix('check_')}-{i}")
        for name, found in table.items()
        for i, answer in enumerate(found)
    ]


@pytest.mark.parametrize("name", SOLUTIONS)
def test_the_solution_is_right(name, capsys):
    CHECKS[name](SOLUTIONS[name])
    assert capsys.readouterr().out.count("\n") == 1, "a check prints one line"


@pytest.mark.parametrize(("name", "answer"), cases(RIGHT))
def test_right_answers_are_accepted(name, answer):
    CHECKS[name](answer)


@pytest.mark.parametrize(("name", "wrong"), cases(WRONG))
def test_wrong_answers_are_named(name, wrong):
    mistake, answer = wrong
    message = refusal(name, answer, mistake)
    if mistake in CHECKS[name].mistakes:
        start = CHECKS[name].mistakes[mistake].message.split("{")[0]
        assert message.startswith(start)


def refusal(name: str, answer: object, mistake: str) -> str:
    """The message with which a check refuses, which must be that of the mistake."""
    with pytest.raises(WrongAnswer) as caught:
        CHECKS[name](answer)
    assert caught.value.mistake == mistake, str(caught.value)
    return str(caught.value)


# ── Answers that are wrong in the same way for every exercise ────────────────────────────────────


def raises(*inputs):
    raise KeyError("weight")


@pytest.mark.parametrize("name", CHECKS)
def test_nothing_written_is_not_attempted(name):
    with pytest.raises(NotAttempted):
        CHECKS[name](None)


@pytest.mark.parametrize("name", SOLUTIONS)
def test_a_stub_is_not_attempted(name):
    def stub(*inputs):
        raise NotAttempted()

    with pytest.raises(NotAttempted):
        CHECKS[name](stub)


@pytest.mark.parametrize("name", SOLUTIONS)
@pytest.mark.parametrize(
    ("mistake", "answer"),
    [("raised", raises), ("nothing", lambda *inputs: None), ("type", 3.0)],
    ids=["raises", "nothing", "no function"],
)
def test_what_no_answer_may_do(name, mistake, answer):
    refusal(name, answer, mistake)


SWITCHES = {
    "gradients_off": lambda inputs: torch.set_grad_enabled(False),
    "default_dtype": lambda inputs: torch.set_default_dtype(torch.float64),
    "seed_fixed": lambda inputs: torch.manual_seed(0),
    "model_frozen": lambda inputs: [m.requires_grad_(False) for m in models_in(inputs)],
    "mode_left_behind": lambda inputs: [m.train(not m.training) for m in models_in(inputs)],
}


def models_in(inputs):
    return [value for value in inputs if isinstance(value, torch.nn.Module)]


@pytest.mark.parametrize("name", SOLUTIONS)
@pytest.mark.parametrize("switch", SWITCHES)
def test_what_an_answer_leaves_behind_is_told(name, switch, capsys):
    given = []

    def careless(*inputs):
        given[:] = inputs
        result = SOLUTIONS[name](*inputs)
        SWITCHES[switch](inputs)
        return result

    if switch.startswith("mo"):  # a first run tells whether the exercise is given a model
        with suppress(WrongAnswer):
            CHECKS[name](careless)
        if not models_in(given):
            pytest.skip("no model")
    if switch == "seed_fixed" and "seed" in inspect.signature(SOLUTIONS[name]).parameters:
        CHECKS[name](careless)  # that is what the seed is for
    elif switch == "mode_left_behind" and switch not in CHECKS[name].mistakes:
        CHECKS[name](careless)  # the exercise does not ask for it, so it is advice
        assert "in another mode than before" in capsys.readouterr().out
    else:
        with pytest.raises(WrongAnswer):
            CHECKS[name](careless)
    assert torch.is_grad_enabled()
    assert torch.get_default_dtype() == torch.float32


@pytest.mark.parametrize("name", SOLUTIONS)
def test_an_answer_may_warn(name, capfd):
    def warned(*inputs):
        warnings.warn("old fashion", stacklevel=1)
        return SOLUTIONS[name](*inputs)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CHECKS[name](warned)
    assert not capfd.readouterr().err


@pytest.mark.parametrize("name", SOLUTIONS)
@pytest.mark.parametrize("spoil", ["list of lists", "text", "not a number"])
def test_results_of_the_wrong_kind_get_a_sentence(name, spoil):
    answer = SOLUTIONS[name]

    def spoiled(*inputs):
        return SPOIL[spoil](answer(*inputs))

    with pytest.raises(WrongAnswer) as caught:
        CHECKS[name](spoiled)
    assert len(str(caught.value)) > 20


def with_nan(result):
    if isinstance(result, torch.Tensor):
        return result * float("nan")
    if isinstance(result, (tuple, list)):
        return type(result)(with_nan(part) for part in result)
    if isinstance(result, dict):
        return {key: with_nan(part) for key, part in result.items()}
    return float("nan")


SPOIL = {
    "list of lists": lambda result: [["something else"]],
    "text": lambda result: "42",
    "not a number": with_nan,
}


@pytest.mark.parametrize("name", SOLUTIONS)
def test_inputs_stay_as_they_are(name):
    answer = SOLUTIONS[name]
    spoilt = []

    def careless(*inputs):
        result = answer(*inputs)
        for value in inputs:
            if isinstance(value, torch.Tensor) and value.is_floating_point() and value.numel():
                value.data.add_(1)
                spoilt.append(value)
        return result

    with suppress(WrongAnswer):
        CHECKS[name](careless)
    if spoilt:
        refusal(name, careless, "changed_input")


# ── The tables are complete ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", CHECKS)
def test_tables_are_complete(name):
    assert name in SOLVED, "no exercise uses this check"
    assert len(RIGHT.get(name, [])) >= 2, "two more right answers, written differently"
    assert CHECKS[name].mistakes, "a check knows at least one misconception"
    untested = CHECKS[name].mistakes.keys() - {mistake for mistake, _ in WRONG.get(name, [])}
    assert not untested, f"no wrong answer makes these mistakes: {untested}"


@pytest.mark.parametrize(
    ("draws", "said"), [("aa", "a"), ("abb", "b"), ("aba", "a"), ("a✓✓", "✓"), ("a✓a", "a"), ("abc", "a")]
)
def test_of_one_number_two_draws_must_say_the_same(draws, said, capsys):
    """Each letter is the verdict on one draw: a mistake, or ✓."""
    left = iter(draws)

    def check_luck(answer):
        answer.number(1.0)
        if (mistake := next(left)) != "✓":
            raise WrongAnswer("A message.", mistake)

    check = feedback.check(tests="luck")(check_luck)
    if said == "✓":
        check(abs)
        assert capsys.readouterr().out.startswith("✓")
    else:
        with pytest.raises(WrongAnswer) as caught:
            check(abs)
        assert caught.value.mistake == said
    assert not [*left]


def test_by_the_summed_error_the_check_of_3_5_catches_ducks_and_blank_pages_and_no_dot():
    """As the exercise says of the detector that its check brings."""

    def summed(images):
        return reconstruction_error(chapter_3._redraw(images), images)

    seed = feedback.fresh_seed() % 2**31
    limit = anomaly.threshold_at(summed(data.circles(1000, seed=seed).images), chapter_3.FALSE_ALARMS)
    assert limit == pytest.approx(4, abs=0.6)
    assert summed(torch.zeros(1, 1, 28, 28)).item() == pytest.approx(5.29, abs=0.01)
    for kind, caught in {"duck": 1, "dot": 0}.items():
        assert (summed(data.anomalies(kind, 300, seed=seed)) > limit).float().mean() == caught


def test_tables_name_existing_checks():
    assert RIGHT.keys() | WRONG.keys() <= CHECKS.keys()


@pytest.mark.parametrize("name", CHECKS)
def test_messages_are_short(name):
    for mistake in CHECKS[name].mistakes.values():
        assert 20 < len(mistake.message) < 260, mistake.name


def test_jupyter_shows_the_message_alone():
    for error in (WrongAnswer("Look at the sign."), NotAttempted()):
        (line,) = error._render_traceback_()
        assert line == f"{type(error).__name__}: {error}"


@pytest.mark.parametrize(("groups", "able"), [(5, "cannot test"), (10, "hardly test"), (20, "")])
def test_an_alarm_that_too_few_groups_test_is_called_so(groups, able, capsys):
    often = torch.linspace(1, 2, 160) * 1.15  # more than four times the promised rate
    alarm = answers.project.alarm(0.05, torch.linspace(1, 2, 160), often, groups=(groups, groups))
    CHECKS["check_my_alarm"](alarm)
    said = capsys.readouterr().out
    assert said.rstrip().endswith(f", which {able} the promise." if able else "in held_out.")
    assert f"{int((often > 1.95).sum())} of 160 raise an alarm where 8 were promised" in said
    assert f"with {groups} groups in calibration" in said
