"""Right and wrong answers to the exercises, a module for each chapter.

RIGHT: check's name → right answers, written differently from the solution.
WRONG: check's name → pairs of the mistake's name and an answer that makes it.
"""
