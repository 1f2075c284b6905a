"""A check for every exercise: quiet when the answer is right, else a sentence that names the mistake."""

from course_lib.checks.feedback import NotAttempted, WrongAnswer
from course_lib.checks.kl_divergence import check_kl_divergence
from course_lib.checks.reparameterization_trick import check_reparameterize

__all__ = ["NotAttempted", "WrongAnswer", "check_kl_divergence", "check_reparameterize"]
