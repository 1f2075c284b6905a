"""show_atoms: each tile is an atom divided by its strongest pixel, in reading order, a pixel apart."""

import matplotlib.pyplot as plt
import numpy as np
import torch

from course_lib import plotting


def wall_of(figure):
    (image,) = figure.axes[0].get_images()
    assert image.get_clim() == (-1, 1)
    return np.asarray(image.get_array())


def test_atoms_stand_in_rows_each_scaled_to_its_strongest_pixel():
    atoms = torch.randn(5, 1, 3, 4, generator=torch.Generator().manual_seed(0))
    wall = wall_of(plotting.show_atoms(atoms, columns=2))
    assert wall.shape == (3 * 4 + 1, 2 * 5 + 1)
    for i, (top, left) in enumerate([(1, 1), (1, 6), (5, 1), (5, 6), (9, 1)]):
        tile = wall[top : top + 3, left : left + 4]
        assert np.allclose(tile, atoms[i, 0] / atoms[i].abs().max())
        assert abs(tile).max() == 1
    assert (wall[9:12, 6:10] == 1).all()  # no sixth atom: paper
    plt.close()


def test_an_atom_of_zeros_is_mid_grey_and_a_given_axes_is_used():
    figure, axes = plt.subplots(1, 2)
    assert plotting.show_atoms(torch.zeros(1, 1, 2, 2), title="silence", ax=axes[1]) is figure
    assert axes[1].get_title() == "silence"
    assert (np.asarray(axes[1].get_images()[0].get_array())[1:3, 1:3] == 0).all()
    assert not axes[0].get_images()
    plt.close()
