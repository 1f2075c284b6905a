"""What is stored for chapter 8 is whole, and speaks of the circles that it says."""

import pytest
from scipy.stats import spearmanr

from course_lib import data


def test_the_published_run_has_thirty_epochs_and_five_images():
    run = data.published_run()
    assert {name: len(numbers) for name, numbers in run.history.items()} == {"reconstruction": 30, "kl": 30}
    assert run.images.shape == (5, 1, 28, 28)
    assert run.points.shape == (5, 1)
    assert run.images.min() >= 0
    assert run.images.max() <= 1


def test_its_codes_belong_to_their_radii():
    run = data.published_run()
    assert run.z.shape == (len(run.radii), 1)
    rho = abs(spearmanr(run.z[:, 0], run.radii).statistic)
    assert rho == pytest.approx(float(run.over_seeds["spearman"][0]), abs=1e-3)


def test_its_first_seed_is_the_one_shown():
    run = data.published_run()
    for name in ("reconstruction", "kl"):
        assert run.history[name][-1] == pytest.approx(float(run.over_seeds[name][0]), abs=1e-3)


def test_each_control_has_each_number_for_each_seed():
    controls = data.stored_controls()
    assert {"dense", "convolutional", "convolutional, pixels shuffled"} <= set(controls)
    shapes = {tuple(values.shape) for numbers in controls.values() for values in numbers.values()}
    assert len(shapes) == 1, "as many seeds everywhere"
