"""What nbgrader and `python -m tools.make_exercises` put where an answer was."""

c = get_config()  # noqa: F821  (nbgrader defines it)

c.ClearSolutions.code_stub = {"python": "raise NotAttempted()  # replace this line by your answer"}
