"""The benchmark counts and reports what it says. No test measures time."""

import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import torch

import benchmarks.commands
from benchmarks import machine, speed
from benchmarks.speed_report import SECTIONS, WAITING, render, waiting
from course_lib import data, training


def test_alternatives_take_turns():
    calls = []
    found = speed.take_turns(2, a=lambda: calls.append("a"), b=lambda: calls.append("b"))
    assert calls == ["a", "b"] * 3, "one round warms up"
    assert {name: len(seconds) for name, seconds in found.items()} == {"a": 2, "b": 2}


def test_a_ratio_is_the_median_over_the_rounds():
    assert speed.ratio([2, 90, 9], [1, 10, 3]) == 3


def test_the_tutorials_loop_makes_the_same_steps_as_fit():
    seen = speed.tutorial_loop(speed.dense_vae(8), data.circles(3 * speed.BATCH), "cpu")
    assert len(seen) == 3
    assert all(loss == pytest.approx(error + kl) for loss, error, kl in seen)


@pytest.mark.parametrize("choose", [True, False])
def test_a_training_ends_with_its_time_and_may_keep_all_threads(choose, monkeypatch):
    chosen = []
    threads = training.threads_for_free_cores
    monkeypatch.setattr(
        training, "threads_for_free_cores", lambda *given: chosen.append(given[0]) or threads(*given)
    )
    seconds = speed.seconds_an_epoch(lambda: speed.dense_vae(8), 0, choose)
    assert 0 < seconds < float("inf")
    assert len(chosen) == choose


def test_of_two_trainings_the_slower_one_counts():
    with ThreadPoolExecutor(1) as pool:
        seconds = {"chosen": iter([9, 9, 9, 9, 2, 3, 1, 2]), "all": iter([9, 9, 9, 9, 4, 3, 2, 8])}
        trainings = {name: partial(pool.submit, next, times) for name, times in seconds.items()}
        numbers = speed.in_company(trainings, rounds=1)
    assert numbers == {
        "chosen, alone (s an epoch)": 1,
        "chosen, beside a busy process (s an epoch)": 2,
        "chosen, two at once (s an epoch)": 3,
        "all, alone (s an epoch)": 2,
        "all, beside a busy process (s an epoch)": 8,
        "all, two at once (s an epoch)": 4,
        "alone, chosen ÷ all threads": 0.5,
        "beside a busy process ÷ alone": 2,
        "two at once ÷ alone": 3,
    }


@pytest.mark.parametrize("good_after", [1, 2, 3])
def test_time_to_quality_ends_with_the_first_good_epoch(monkeypatch, good_after):
    looks = []

    def is_good(model, held_out, device):
        looks.append(model.training)
        return len(looks) == good_after

    monkeypatch.setattr(speed, "is_good", is_good)
    recipe = {"filters": 1, "batch_size": 500, "lr": 1e-3, "epochs": 2, "schedule": "constant"}
    seconds = speed.seconds_to_quality(recipe, seed=0, device="cpu")
    assert (seconds < float("inf")) == (good_after <= 2)
    assert looks == [False] * min(good_after, 2)


def test_time_to_quality_counts_the_seeds_that_get_there(monkeypatch):
    seconds = {"article": [60.0, 40.0, 80.0], "best": [5.0, 20.0, float("inf")]}
    names = {id(recipe): name for name, recipe in speed.RECIPES.items()}
    monkeypatch.setattr(
        speed, "seconds_to_quality", lambda recipe, seed, device: seconds[names[id(recipe)]][seed]
    )
    numbers = speed.time_to_quality([0, 1, 2])
    assert numbers["article ÷ best"] == 7  # the median of 12 and 2: the third seed has no seconds
    assert numbers["best: seeds that get there, of 3"] == 2
    assert [n for name, n in numbers.items() if name.startswith("best (filters 8")] == [12.5]


def test_a_model_that_knows_nothing_is_not_good():
    torch.manual_seed(0)
    assert not speed.is_good(speed.convolutional_vae(2), data.circles(100), "cpu")


def test_the_machine_is_described_without_its_name(monkeypatch):
    monkeypatch.setattr(machine.platform, "node", lambda: pytest.fail("asks for the machine's name"))
    assert "torch" in machine.machine()
    monkeypatch.setattr(machine, "threads_at_the_start", 3)
    assert machine.machine().endswith("3 threads")


def test_a_new_section_leaves_the_others(tmp_path):
    speed.store(tmp_path, "training", {"dense VAE: tutorials' loop ÷ fit": 612.345678})
    speed.store(tmp_path, "overhead", {"fit ÷ bare loop": 1.2})
    stored = json.loads((tmp_path / "speed.json").read_text(encoding="utf-8"))
    assert list(stored) == ["training", "overhead"]
    report = (tmp_path / "speed.md").read_text(encoding="utf-8")
    assert "| dense VAE: tutorials' loop ÷ fit | 612.3 |" in report
    assert "| fit ÷ bare loop | 1.2 |" in report


def test_the_report_says_which_goals_are_met_and_by_how_much_others_are_missed():
    (goal,) = SECTIONS["overhead"]["goals"]
    met, missed = (render({"overhead": section(goal["number"], n)}, {}) for n in (1.05, 1.21))
    assert f"| {goal['text']} | ≤ 1.1 | {goal['first']} | 1.05 | yes |" in met
    assert f"| {goal['text']} | ≤ 1.1 | {goal['first']} | 1.21 | no, 10% off: {goal['why']} |" in missed
    numbers = {"00_start": {"seconds": 7.2, "MB": 512}, "01_circles": {"seconds": 400.0}}
    report = render({}, {"machine": "an abacus", "notebooks": numbers})
    assert "| 00_start | 7.2 | 512 |" in report
    assert "| 01_circles | 400.0 | – |" in report
    assert "| the slowest notebook: seconds | ≤ 45 | 46.4 | 400 | no, 789% off" in report
    assert "Machine: an abacus." in report


def test_the_report_is_made_of_what_is_stored():
    files = [speed.HERE / f"{name}.json" for name in ("speed", "notebooks")]
    stored = [json.loads(file.read_text("utf-8")) for file in files]
    assert (speed.HERE / "speed.md").read_text("utf-8") == render(*stored)


def test_the_report_says_why_a_number_is_missing():
    report = render({}, {})
    for goal in SECTIONS["training_gpu"]["goals"]:
        reason = "not measured: no computer with a GPU was at hand."
        assert f"| {goal['text']} | ≥ 3 | – | – | {reason} |" in report
    (goal,) = SECTIONS["overhead"]["goals"]
    assert f"| {goal['text']} | ≤ 1.1 | {goal['first']} | – | not measured |" in report


def test_waiting_is_judged_by_the_sum_and_by_the_worst():
    notebooks = {
        "00_start": {"seconds": 60.0, "alone": 10.0, "busy": 15.0, "two": 30.0, "private, end": 400},
        "01_circles": {"seconds": 30.0, "alone": 20.0, "busy": 40.0, "two": 40.0, "private, end": 500},
    }
    found = waiting({"notebooks": notebooks, "solutions": {"01_circles": {"seconds": 70.0}}})
    assert found == {
        "minutes together": 1.5,
        "slowest": 70,
        "busy ÷ alone": 2,
        "two ÷ alone": 3,
        "private, end": 500,
    }
    assert {goal["number"] for goal in WAITING["goals"]} == set(found)
    some = waiting({"notebooks": notebooks | {"02_not_yet": {}}})  # the worst of some may not be the worst
    assert set(found) - set(some) == {"busy ÷ alone", "two ÷ alone"}


def section(name, number):
    return {"machine": "an abacus", "numbers": {name: number}}


def test_every_goal_is_about_a_number_that_is_measured(monkeypatch):
    """Measured with tiny sizes, to have the names."""
    measured = {
        "training": speed.training(rounds=1, steps=1),
        "overhead": speed.overhead(rounds=1, epochs=1),
    }
    measured["training_gpu"] = measured["training"]
    monkeypatch.setattr(speed, "ProcessPoolExecutor", lambda workers, context: ThreadPoolExecutor(workers))
    monkeypatch.setattr(speed, "seconds_an_epoch", lambda *arguments: 1.0)
    measured["threads"] = speed.threads(rounds=1)
    monkeypatch.setattr(speed, "seconds_to_quality", lambda *arguments: 1.0)
    measured["time_to_quality"] = speed.time_to_quality([0])
    monkeypatch.setattr(benchmarks.commands, "seconds_of", lambda *arguments: 1.0)
    monkeypatch.setattr(benchmarks.commands, "grading", lambda copies: 4.0)
    measured["commands"] = benchmarks.commands.commands()
    page = {"30 epochs (s)": 6.0, "frames a second": 60.0, "kB to load": 400.0}
    monkeypatch.setattr(benchmarks.commands, "in_browser", lambda: page)
    monkeypatch.setattr(benchmarks.commands.time, "perf_counter", iter([0.0, 3.0]).__next__)
    measured["playground"] = benchmarks.commands.playground(lambda: None, rounds=1)
    assert measured["playground"]["page ÷ fit"] == 2
    for name, found in SECTIONS.items():
        assert name in speed.SECTIONS
        assert {goal["number"] for goal in found["goals"]} <= set(measured.get(name, []))
