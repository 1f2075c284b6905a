"""A claim in a file of its own, because pytest rewrites the asserts of this one."""

import runpy

import pytest

CELL = "from course_lib.claims import claim\ntotal = 3\nwith claim('Sums are large'):\n    {}\nprint('on')"
BODIES = {  # what stands in the claim → why it does not hold, "" when it does
    "assert total > 2\n    assert total + 1 >= 4": "",
    "assert total > 4": "total > 4 is false, where total = 3",
    "assert total < 4\n    assert total > 4.5\n    assert total > 5": "total > 4.5 is false, where total = 3",
    "assert 2 * total < total + 1": "2 * total < total + 1 is false, where 2 * total = 6 and total + 1 = 4",
    "assert all(x > 3 for x in (4, total))": "all((x > 3 for x in (4, total))) is false",
    "assert 'a' in 'bc'": "'a' in 'bc' is false",
    "assert total > 4, 'by\\n  hand'": "by hand",
    "total[0]": "TypeError: 'int' object is not subscriptable",
    "raise ValueError('first\\n  second')": "ValueError: first second",
    "exec('assert total > 4')": "an assert does not hold",
}


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run the cell with this in its claim, strict ("1") or not → what it prints."""

    def run(body, strict):
        monkeypatch.setenv("COURSE_STRICT", strict)
        cell = tmp_path / "cell.py"
        cell.write_text(CELL.format(body), encoding="utf-8")
        runpy.run_path(str(cell))
        return capsys.readouterr().out

    return run


@pytest.mark.parametrize(("body", "reason"), BODIES.items())
def test_a_learner_reads_one_line_and_a_test_is_told_which_claim_and_which_part(run, body, reason):
    line = f"✗ Sums are large: not with these settings ({reason})" if reason else "✓ Sums are large"
    assert run(body, "") == run(body, "0") == f"{line}\non\n"
    if reason:
        with pytest.raises(AssertionError) as caught:
            run(body, "1")
        assert str(caught.value) == f"Sums are large: {reason}"
    else:
        assert run(body, "1") == f"{line}\non\n"


@pytest.mark.parametrize("strict", ["0", "1"])
def test_an_interrupt_is_no_refutation(run, strict):
    with pytest.raises(KeyboardInterrupt):
        run("raise KeyboardInterrupt", strict)
