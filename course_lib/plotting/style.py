"""Colours and sizes: legible on a projector, and for colour-blind readers.

The colours are Okabe and Ito's, which colour-blind readers can tell apart; no figure relies on colour alone.
"""

import matplotlib.pyplot as plt

BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#595959",
)


def use_style() -> None:
    """Legible on a projector: larger type, thicker lines, fewer frames."""
    plt.rcParams.update(
        {
            "figure.dpi": 100,
            "figure.constrained_layout.use": True,
            "font.size": 12,
            "axes.titlesize": 13,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "lines.linewidth": 2,
            "legend.frameon": False,
            "axes.prop_cycle": plt.cycler(color=[BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY]),
        }
    )
