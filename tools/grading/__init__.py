"""Assignments out, points and feedback back: nbgrader, made to take what a room full of learners hands in."""
