"""Figures named for what they show. Each returns its figure; those with an `ax` draw on it when given one."""

from course_lib.plotting.anomaly import draw_confusion_table, plot_roc, plot_score_histograms
from course_lib.plotting.codes import (
    plot_decoded_code,
    plot_decoded_plane,
    plot_labelled_plane,
    plot_latent_against_cause,
    plot_latent_histogram,
    plot_place_in_plane,
)
from course_lib.plotting.diagrams import draw_autoencoder, draw_learning_map, draw_stochastic_graph
from course_lib.plotting.gaussians import (
    draw_reparameterization,
    plot_kl_grid,
    plot_kl_map,
    plot_kl_terms,
    plot_linear_vae,
)
from course_lib.plotting.images import show_atoms, show_image_rows, show_images
from course_lib.plotting.style import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, SKY, use_style
from course_lib.plotting.training import draw_sweep_step, plot_history, plot_sweep
