"""A progress bar that ends as one line of text, in a terminal as in a stored notebook."""

from collections.abc import Iterator
from contextlib import contextmanager

from IPython.display import display
from tqdm.auto import tqdm
from tqdm.notebook import tqdm_notebook


@contextmanager
def progress_bar(total: int, *, unit: str = "step", enabled: bool = True) -> Iterator[tqdm]:
    """tqdm's bar; in a notebook its widget gives way to its text, which a file can keep."""
    if not enabled or not issubclass(tqdm, tqdm_notebook):
        with tqdm(total=total, unit=unit, disable=not enabled) as bar:
            yield bar
        return
    bar = tqdm(total=total, unit=unit, leave=False, display=False)
    handle = display(bar.container, display_id=True)
    try:
        yield bar
    finally:
        # The seconds stay out of the text: they would differ at every run of the notebook.
        line = f"{bar.n} of {total} {unit}s. {bar.postfix or ''}".strip()
        bar.close()
        handle.update({"text/plain": line}, raw=True)
