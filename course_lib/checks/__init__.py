"""A check for every exercise: quiet when the answer is right, else a sentence that names the mistake."""

from course_lib.checks.anomaly_detection import (
    check_affordable_rate,
    check_auc_by_pairs,
    check_calibrate,
    check_mended_score,
    check_score_images,
)
from course_lib.checks.circles_dataset import (
    check_error_share,
    check_ink_of_pixel,
    check_prepare,
    check_render_discs,
    check_split_rows,
)
from course_lib.checks.convolutional_vae import (
    check_lean_vae,
    check_loss_from_scores,
    check_receptive_field,
    check_transposed_convolution,
    check_transposed_sizes,
)
from course_lib.checks.feedback import NotAttempted, WrongAnswer
from course_lib.checks.gaussian_vae import (
    check_left_over_noise,
    check_linear_elbo,
    check_my_linear_vae,
    check_poisson_error,
    check_posterior_mean,
)
from course_lib.checks.handwritten_digits import (
    check_memory_ratio,
    check_my_codes,
    check_redraw,
    check_share_of_map,
    check_vote,
)
from course_lib.checks.kl_divergence import (
    check_arrange_codes,
    check_bits_per_image,
    check_information_and_distance,
    check_kl_divergence,
    check_kl_of_reports,
    check_monte_carlo_kl,
)
from course_lib.checks.loss_scale import (
    check_collapse_ratio,
    check_count_active,
    check_learned_sigma_loss,
    check_measure_beta,
    check_reduce_loss,
    check_revived_vae,
)
from course_lib.checks.reparameterization_trick import (
    check_backward_through_code,
    check_code_and_kl,
    check_quiet_gradient,
    check_reparameterize,
    check_score_gradient,
)
from course_lib.checks.sparse_and_denoising import (
    check_channel_penalty,
    check_emphasized_loss,
    check_ista_step,
    check_largest_angle,
    check_remove_noise,
)
from course_lib.checks.vanilla_autoencoder import (
    check_count_by_hand,
    check_interpolate,
    check_share_unexplained,
    check_small_autoencoder,
    check_training_step,
)
from course_lib.checks.variational_autoencoder import (
    check_draw_codes,
    check_log_p_estimate,
    check_log_weight,
    check_reconstruct,
    check_sample_images,
)

__all__ = [
    "NotAttempted",
    "WrongAnswer",
    "check_affordable_rate",
    "check_arrange_codes",
    "check_auc_by_pairs",
    "check_backward_through_code",
    "check_bits_per_image",
    "check_calibrate",
    "check_channel_penalty",
    "check_code_and_kl",
    "check_collapse_ratio",
    "check_count_active",
    "check_count_by_hand",
    "check_draw_codes",
    "check_emphasized_loss",
    "check_error_share",
    "check_information_and_distance",
    "check_ink_of_pixel",
    "check_interpolate",
    "check_ista_step",
    "check_kl_divergence",
    "check_kl_of_reports",
    "check_largest_angle",
    "check_lean_vae",
    "check_learned_sigma_loss",
    "check_left_over_noise",
    "check_linear_elbo",
    "check_log_p_estimate",
    "check_log_weight",
    "check_loss_from_scores",
    "check_measure_beta",
    "check_memory_ratio",
    "check_mended_score",
    "check_monte_carlo_kl",
    "check_my_codes",
    "check_my_linear_vae",
    "check_poisson_error",
    "check_posterior_mean",
    "check_prepare",
    "check_quiet_gradient",
    "check_receptive_field",
    "check_reconstruct",
    "check_redraw",
    "check_reduce_loss",
    "check_remove_noise",
    "check_render_discs",
    "check_reparameterize",
    "check_revived_vae",
    "check_sample_images",
    "check_score_gradient",
    "check_score_images",
    "check_share_of_map",
    "check_share_unexplained",
    "check_small_autoencoder",
    "check_split_rows",
    "check_training_step",
    "check_transposed_convolution",
    "check_transposed_sizes",
    "check_vote",
]
