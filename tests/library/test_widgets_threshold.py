"""The threshold explorer, called without a browser over the whole range of its controls."""

import time
from itertools import product

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix

from course_lib import anomaly, plotting, widgets

SCORES = {
    "circle": torch.linspace(0.5, 5, 400),
    "square": torch.linspace(3, 40, 50),
    "dot": torch.linspace(0.4, 2, 30),
    "blank": torch.full((20,), 4.0),
}


@pytest.fixture
def box():
    return widgets.threshold_explorer(SCORES)


@pytest.fixture
def figures(monkeypatch):
    """What a callback shows, and how many figures are open when it does."""
    seen = []
    monkeypatch.setattr(plt, "show", lambda: seen.append((plt.gcf(), len(plt.get_fignums()))))
    return seen


def texts(figure):
    return [text.get_text() for ax in figure.axes for text in ax.texts]


def test_it_draws_over_the_whole_range_of_each_control(box, figures):
    slider, dropdown = box.children[:-1]
    thresholds = (10**slider.min, slider.value, 10**slider.max)
    pooled = torch.cat(list(SCORES.values()))
    assert thresholds[0] == pytest.approx(pooled.min().item())
    assert thresholds[-1] == pytest.approx(pooled.max().item())
    combinations = list(product(thresholds, dropdown.options))
    for threshold, odd in combinations:
        box.draw(threshold=threshold, odd=odd)
        assert figures[-1][1] == 1
    assert len(figures) == len(combinations) == 3 * 4
    assert plt.get_fignums() == []


def test_it_starts_at_one_false_alarm_in_a_hundred(box):
    threshold = box.children[0].value
    assert (SCORES["circle"] > threshold).sum() == 4
    assert threshold == pytest.approx(anomaly.threshold_at(SCORES["circle"], 0.01))


@pytest.mark.parametrize("threshold", [1.0, 3.7, 4.5])
@pytest.mark.parametrize("odd", ["all odd kinds", "square", "dot", "blank"])
def test_the_table_holds_the_counts_of_scikit_learn(box, figures, threshold, odd):
    box.draw(threshold=threshold, odd=odd)
    named = SCORES.get(odd, torch.cat([SCORES[kind] for kind in ("square", "dot", "blank")]))
    truth = np.r_[np.zeros(400), np.ones(len(named))]
    alarm = torch.cat([SCORES["circle"], named]).numpy() > threshold
    table = figures[-1][0].axes[1]
    shown = [text.get_text() for text in table.texts]
    counts = [int(text.replace(",", "")) for text in shown if text.replace(",", "").isdigit()]
    assert counts == confusion_matrix(truth, alarm).ravel().tolist()
    assert f"false-positive rate {alarm[:400].mean():.2%}" in shown
    assert f"true-positive rate {alarm[400:].mean():.1%}" in shown


def test_the_histogram_says_how_many_of_each_kind_lie_above(box, figures):
    box.draw(threshold=3.0, odd="dot")
    shown = texts(figures[-1][0])
    for values in SCORES.values():
        assert f"{(values > 3).float().mean():.1%} above" in shown
    line = next(line for line in figures[-1][0].axes[0].lines if line.get_linestyle() == "--")
    assert list(line.get_xdata()) == [3.0, 3.0]


def test_a_score_on_the_threshold_raises_no_alarm(box, figures):
    box.draw(threshold=4.0, odd="blank")
    shown = texts(figures[-1][0])
    assert "true-positive rate 0.0%" in shown
    assert "0.0% above" in shown


def test_where_nothing_raises_an_alarm_there_is_no_precision(box, figures):
    box.draw(threshold=50.0, odd="dot")
    assert "no image raises an alarm" in texts(figures[-1][0])


def test_a_call_takes_less_than_a_tenth_of_a_second():
    torch.manual_seed(0)
    kinds = {f"kind {i}": 5 * torch.rand(200) * i + 0.1 for i in range(1, 13)}
    box = widgets.threshold_explorer({"circle": torch.rand(4000) * 8 + 0.01, **kinds})
    values = {"threshold": 5.0, "odd": "all odd kinds"}
    box.draw(**values)
    seconds = []
    for _ in range(5):
        start = time.process_time()
        box.draw(**values)
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.1


def test_normal_images_alone_are_refused():
    with pytest.raises(ValueError, match="at least one odd kind, not \\['circle'\\]"):
        widgets.threshold_explorer({"circle": SCORES["circle"]})


def test_the_labels_lie_inside_the_figure(monkeypatch):
    """At both ends of the threshold, with the fonts of the course."""
    plotting.use_style()
    for threshold in (0.4, 40.0):
        for figure in (
            plotting.plot_score_histograms(SCORES, threshold=threshold),
            plotting.draw_confusion_table(SCORES["circle"], SCORES["dot"], threshold),
        ):
            figure.canvas.draw()
            bounds, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
            assert min(bounds.x0, bounds.y0) >= -0.01
            assert bounds.x1 <= width + 0.01
            assert bounds.y1 <= height + 0.01
            plt.close(figure)


def test_a_table_of_aucs_shows_every_number():
    table = {"sum": {"dot": 0.4321, "arc": 1.0}, "relative": {"dot": 0.9, "arc": 0.51}}
    figure = plotting.plot_auc_table(table)
    assert {text.get_text() for text in figure.axes[0].texts} == {"0.43", "1.00", "0.90", "0.51"}
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == ["dot", "arc"]
    plt.close(figure)
