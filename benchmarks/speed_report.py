"""speed.md: the goals, what was measured beside them, and why a goal can be missed."""

from dataclasses import dataclass

Numbers = dict[str, float]  # what was measured, in words → the number

SECTIONS = {  # name → title and what was done
    "circles": (
        "Drawing circles",
        "`data.circles`, against a figure of Matplotlib for each circle, as in chapter 1.",
    ),
    "training": (
        "Training",
        "`fit`, against the loop that tutorials write (a `DataLoader`, Adam as it comes, `.item()` three "
        "times a step), for both VAEs of the article and batches of 32. What the machine allows is the time "
        "for the floating-point operations at the rate of large matrix products, plus the time for what Adam "
        "reads and writes at the rate of copying. No program gets there: small products are slower than "
        "large ones, and weights, gradients and activations have to be moved, too.",
    ),
    "training_gpu": ("Training on a GPU", "The same on a GPU."),
    "overhead": (
        "What fit itself costs",
        "`fit` with its bar, history and schedule, against the four steps of chapter 2 written bare, on a "
        "VAE so small (eight units a layer) that nothing else counts.",
    ),
    "threads": (
        "Threads",
        "Seconds that `fit` takes for 1,000 circles in batches of 32, with the dense VAE (512 wide) and the "
        "convolutional one: alone, beside a process that is always busy, and with two trainings at once, of "
        "which the slower one counts; on the threads that `fit` chooses, and on all that PyTorch takes by "
        "default, which spin while they wait for one another.",
    ),
    "time_to_quality": (
        "Time to quality",
        "Seconds of training until the convolutional VAE leaves at most 12 % of the variance of held-out "
        "circles unexplained and puts them in the order of their radii (rank correlation of at least 0.99). "
        "All recipes run through `fit`, in turn. One-cycle raises the learning rate evenly from 0 to lr and "
        "lowers it again; blurred_epochs see blurred circles first (chapter 8).",
    ),
    "time_to_quality_gpu": ("Time to quality on a GPU", "The same on a GPU."),
}


@dataclass
class Goal:
    """A limit for one number of a section, and why it can be missed."""

    text: str
    section: str
    number: str
    limit: float
    at_least: bool
    why: str

    def row(self, sections: dict) -> str:
        """One line of the table of goals."""
        sign = "≥" if self.at_least else "≤"
        found = sections.get(self.section, {}).get("numbers", {}).get(self.number)
        if found is None:
            return _row(self.text, f"{sign} {self.limit:g}", "–", "not measured")
        if found >= self.limit if self.at_least else found <= self.limit:
            verdict = "yes"
        else:
            verdict = f"no, {abs(found / self.limit - 1):.0%} off: {self.why}"
        return _row(self.text, f"{sign} {self.limit:g}", f"{found:,.4g}", verdict)


GOALS = [
    Goal(
        "1,000 circles: times faster than plotted",
        "circles",
        "plotted ÷ computed",
        500,
        True,
        "Matplotlib's share depends on its version and on one core, ours on all of them.",
    ),
    Goal(
        "dense VAE: times faster than tutorials' loop",
        "training",
        "dense VAE: tutorials' loop ÷ fit",
        2,
        True,
        "all that can be saved is the time in which Adam waits for memory.",
    ),
    Goal(
        "convolutional VAE: times faster than tutorials' loop",
        "training",
        "convolutional VAE: tutorials' loop ÷ fit",
        1.1,
        True,
        "nearly all time goes into the convolutions, which both loops share.",
    ),
    Goal(
        "dense VAE: times what the machine allows",
        "training",
        "dense VAE: fit ÷ what the machine allows",
        1.4,
        False,
        "a step also reads the weights three times and writes the gradients once.",
    ),
    Goal(
        "convolutional VAE: times what the machine allows",
        "training",
        "convolutional VAE: fit ÷ what the machine allows",
        2,
        False,
        "convolutions with few channels keep a processor less busy than a large matrix product.",
    ),
    Goal(
        "fit's own cost: times the bare loop",
        "overhead",
        "fit ÷ bare loop",
        1.1,
        False,
        "the bar, the history and the schedule take some microseconds a step.",
    ),
    *(
        Goal(f"{name}, {text}", "threads", f"{name}: {number}", limit, False, why)
        for name in ("dense VAE", "convolutional VAE")
        for text, number, limit, why in (
            (
                "alone: times as long as on all threads",
                "alone, chosen ÷ all threads",
                1.1,
                "other programs were busy: that is when `fit` lets a thread go.",
            ),
            (
                "beside a busy process: times as long as alone",
                "beside a busy process ÷ alone",
                2.2,
                "two cores are then one.",
            ),
            (
                "two at once: times as long as alone",
                "two at once ÷ alone",
                2.2,
                "each has half of the cores, and they share the memory.",
            ),
        )
    ),
    Goal(
        "time to quality: times faster than the article's recipe",
        "time_to_quality",
        "article ÷ best",
        2,
        True,
        "smaller networks and larger steps fold the code for some seeds.",
    ),
    Goal(
        "dense VAE on a GPU: times faster than tutorials' loop",
        "training_gpu",
        "dense VAE: tutorials' loop ÷ fit",
        3,
        True,
        "the arithmetic itself, which both loops share, fills the step.",
    ),
    Goal(
        "convolutional VAE on a GPU: times faster than tutorials' loop",
        "training_gpu",
        "convolutional VAE: tutorials' loop ÷ fit",
        3,
        True,
        "starting some hundred kernels a step takes the processor longer than the GPU needs to run them.",
    ),
]


def render(sections: dict, measured: dict) -> str:
    """The report from the content of speed.json and of notebooks.json; both may be empty."""
    lines = [
        "# How fast it is",
        "",
        "Written by `make bench`. Numbers are medians. What is compared took turns in one process, and a "
        "ratio is the median of the rounds' ratios.",
        "",
        "| goal | asked | measured | met? |",
        "|---|---|---|---|",
        *(goal.row(sections) for goal in GOALS),
        *notebook_rows(measured),
    ]
    for name, (title, note) in SECTIONS.items():
        if name in sections:
            machine, numbers = sections[name]["machine"], sections[name]["numbers"]
            lines += ["", f"## {title}", "", note, "", f"Machine: {machine}.", ""]
            lines += ["| what | number |", "|---|---|"]
            lines += [_row(what, f"{number:,.4g}") for what, number in numbers.items()]
    if measured:
        note = "Each in a fresh kernel, whose start is not counted. The peak memory is the kernel's."
        lines += ["", "## Notebooks", "", note, "", f"Machine: {measured['machine']}.", ""]
        lines += ["| notebook | seconds | peak memory (MB) |", "|---|---|---|"]
        lines += [_row(name, n["seconds"], n.get("MB", "–")) for name, n in measured["notebooks"].items()]
    return "\n".join([*lines, ""])


def notebook_rows(measured: dict) -> list[str]:
    """The goals for all notebooks together, and for each of them."""
    seconds = [numbers["seconds"] for numbers in measured.get("notebooks", {}).values()]
    rows = []
    for text, limit, found in (
        (f"{len(seconds)} notebooks, one after another: minutes", 6, sum(seconds) / 60),
        ("the slowest notebook: seconds", 60, max(seconds, default=0)),
    ):
        verdict = "yes" if found <= limit else f"no, {found / limit - 1:.0%} off"
        number = f"{found:.3g}" if seconds else "–"
        rows.append(_row(text, f"≤ {limit}", number, verdict if seconds else "not measured"))
    return rows


def _row(*values: object) -> str:
    return "| " + " | ".join(map(str, values)) + " |"
