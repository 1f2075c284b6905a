"""What nbgrader and `make exercises` put where an answer was."""

c = get_config()  # noqa: F821  (nbgrader defines it)

c.ClearSolutions.code_stub = {"python": "raise NotAttempted()  # replace this line by your answer"}
