"""A progress bar that ends as one line of text, in a terminal as in a stored notebook."""

from collections.abc import Iterator
from contextlib import contextmanager

from IPython.display import display
from tqdm.auto import tqdm
from tqdm.notebook import tqdm_notebook

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


@contextmanager
def progress_bar(total: int, *, unit: str = "step", enabled: bool = True) -> Iterator[tqdm]:
    """tqdm's bar; in a notebook its widget gives way to its text, which a file can keep."""
    if not enabled or not issubclass(tqdm, tqdm_notebook):
        with tqdm(total=total, unit=unit, disable=not enabled) as bar:
            yield bar
        return
    bar = tqdm(total=total, unit=unit, leave=False, display=False)
    view = {"version_major": 2, "version_minor": 0, "model_id": bar.container.model_id}
    # As raw data, because ipywidgets 7 shows itself in a way that a display id cannot replace.
    handle = display({WIDGET_VIEW: view, "text/plain": ""}, raw=True, display_id=True)
    try:
        yield bar
    finally:
        # The seconds stay out of the text: they would differ at every run of the notebook.
        line = f"{bar.n} of {total} {unit}s. {bar.postfix or ''}".strip()
        bar.close()
        handle.update({"text/plain": line}, raw=True)
