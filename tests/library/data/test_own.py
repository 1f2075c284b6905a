"""A learner's own images and signals: as Pillow draws them, whatever they come in."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from course_lib import data

RANDOM = np.random.default_rng(0)
PHOTO = (RANDOM.random((9, 12, 3)) * 255).astype(np.uint8).repeat(8, 0).repeat(8, 1)  # 72 × 96
GREY = np.array(Image.fromarray(PHOTO).convert("L"))
AS_TENSOR = torch.from_numpy(PHOTO).permute(2, 0, 1)
SIXTEEN_BITS = Image.fromarray(GREY.astype(np.uint16) * 257)
PALETTE = Image.fromarray(GREY).convert("P")
FORMS = {  # what can hold the grey photo
    "uint8": GREY,
    "float": GREY / 255,
    "tensor (1, H, W)": torch.from_numpy(GREY)[None] / 255,
    "(H, W, 1)": GREY[..., None],
    "16 bits": SIXTEEN_BITS,
    "palette": PALETTE,
    "opaque": Image.fromarray(GREY).convert("RGBA"),
}


def by_pillow(picture, size, mode):
    fitted = ImageOps.fit(picture.convert(mode), size[::-1], Image.Resampling.BILINEAR)
    return torch.from_numpy(np.array(fitted)).float().reshape(*size, -1).permute(2, 0, 1) / 255


@pytest.mark.parametrize("form", FORMS)
def test_one_photo_in_any_form(form):
    expected = by_pillow(Image.fromarray(GREY), (28, 28), "L")
    found = data.own(FORMS[form])
    assert found.images.dtype == torch.float32
    torch.testing.assert_close(found.images, expected[None], rtol=0, atol=0.006)


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB")])
@pytest.mark.parametrize("size", [16, (64, 64), (20, 40)])
def test_colour_and_grey_of_any_size_against_pillow(channels, mode, size):
    expected = by_pillow(Image.fromarray(PHOTO), (size, size) if size == 16 else size, mode)
    for source in (PHOTO, AS_TENSOR, [PHOTO], AS_TENSOR[None], PHOTO[None], [(Image.fromarray(PHOTO), 3)]):
        found = data.own(source, size=size, channels=channels)
        torch.testing.assert_close(found[0][0], expected, rtol=0, atol=0.006)


def test_a_folder_is_read_as_the_camera_held_it_and_what_cannot_be_read_is_named(tmp_path, capsys):
    half = np.zeros((40, 40), np.uint8)
    half[:, :20] = 255  # white on the left
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by a quarter, clockwise
    Image.fromarray(half).save(tmp_path / "a.jpg", exif=exif, quality=100)
    (tmp_path / "below").mkdir()
    Image.fromarray(np.zeros((9, 9, 4), np.uint8)).save(tmp_path / "below" / "clear.png")
    (tmp_path / "broken.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:200])
    (tmp_path / "notes.txt").write_text("words")
    (tmp_path / ".hidden").write_text("words")
    found = data.own(tmp_path, size=8)
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert "2 of 1 × 8 × 8" in said
    assert "cannot be read: broken.jpg, notes.txt." in said
    turned, clear = found.images
    assert turned[0, :3].min() > 0.95 > 0.05 > turned[0, 5:].max()  # white at the top
    assert torch.equal(clear, torch.ones(1, 8, 8))
    assert found.names[1].endswith("clear.png")
    part, rest = data.split(found, 1, 1, seed=1)
    assert sorted([*part.names, *rest.names]) == sorted(found.names)
    assert torch.equal(part.images, found.images[found.names == part.names[0]])


def test_series_are_cut_into_windows(capsys):
    wave = np.sin(np.arange(200) / 5) * 300
    found = data.own_series(wave, 64)
    assert found.images.shape == (3, 1, 1, 64)
    assert "8 values at the end" in capsys.readouterr().out
    expected = (wave - wave.min()) / np.ptp(wave)
    np.testing.assert_allclose(found.images.flatten(), expected[:192], atol=1e-6)
    two = np.stack([wave, np.linspace(0.2, 0.8, 200)])
    pair = data.own_series(torch.from_numpy(two), 50).images
    np.testing.assert_allclose(pair[:, 0, 0].flatten(), expected, atol=1e-6)
    np.testing.assert_allclose(pair[:, 1, 0].flatten(), two[1], atol=1e-6)  # in [0, 1] as it is
