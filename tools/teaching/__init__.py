"""What teachers use, read from the .yml files of teaching/; `python -m tools.teaching` writes its pages."""

from tools.teaching.chapters import TEACHING, headings
from tools.teaching.mistakes import Misconception, misconceptions
from tools.teaching.questions import Option, Question, concept_tests

__all__ = ["TEACHING", "Misconception", "Option", "Question", "concept_tests", "headings", "misconceptions"]
