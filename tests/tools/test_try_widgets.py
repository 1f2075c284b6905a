"""The part of `nox -s browser` that needs no browser."""

from types import SimpleNamespace

import pytest

pytest.importorskip("playwright", reason="only `nox -s browser` needs it")

from tools import try_widgets


def message(text, kind="error", url="http://127.0.0.1/lab"):
    return SimpleNamespace(text=text, type=kind, location={"url": url})


def test_an_error_in_the_console_is_a_complaint():
    (complaint,) = try_widgets.complaint(message("Could not create a view for model id 1"))
    assert "Could not create a view" in complaint


def test_other_messages_are_none():
    assert try_widgets.complaint(message("Could not create a view", kind="warning")) == []


@pytest.mark.parametrize("part", try_widgets.HARMLESS)
def test_what_is_known_to_be_harmless_is_none_wherever_it_stands(part):
    assert try_widgets.complaint(message(f"… {part} …")) == []
    assert try_widgets.complaint(message("Failed to load resource", url=f"http://127.0.0.1/{part}")) == []
    assert try_widgets.HARMLESS[part], "it says why"


def test_a_server_that_ends_at_its_start_is_an_error():
    with pytest.raises(RuntimeError, match="did not start"):
        try_widgets._wait_for("http://127.0.0.1:1", SimpleNamespace(poll=lambda: 1))
