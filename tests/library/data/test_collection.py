"""Photographs, sounds and sensor series with their groups, from dicts and from folders."""

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import wavfile

from course_lib import data
from course_lib.data.collection import BANDS
from course_lib.data.stand_ins import SOUND_RATE, STEP_RATE

OWN_SETS = {
    "photographs": (data.leaves, (1, 28, 28), 6, 6),
    "sounds": (data.tones, (1, 1, BANDS), 4, 12),
    "sensors": (data.walks, (1, 1, 64), 4, 12),
}


@pytest.mark.parametrize("kind", OWN_SETS)
def test_the_courses_own_sets(kind):
    make, shape, odd, each = OWN_SETS[kind]
    found = data.collect(make(12, seed=3), kind)
    assert found.images.shape == ((12 + odd) * each, *shape)
    assert found.images.dtype == torch.float32
    assert 0 <= found.images.min() < 0.1
    assert 0.9 < found.images.max() <= 1
    assert int(found.odd.sum()) == odd * each
    names, counts = np.unique(found.groups, return_counts=True)
    assert len(names) == 12 + odd
    assert set(counts) == {each}
    again, other = make(12, seed=3), make(12, seed=4)
    assert all(np.array_equal(again[name], make(12, seed=3)[name]) for name in again)
    assert not any(np.array_equal(again[name], other[name]) for name in again)


def test_a_leaf_is_symmetric_unless_bitten_and_who_limps_has_a_slower_part():
    for name, pictures in data.leaves(20).items():
        turned = pictures[:, ::-1, ::-1]  # by half a turn around the centre
        lacking = np.abs(pictures - turned).sum() / pictures.sum()
        assert (lacking > 0.03) == name.startswith("odd"), name
    for name, signal in data.walks(10).items():
        power = np.abs(np.fft.rfft(signal - signal.mean())) ** 2
        frequency = np.fft.rfftfreq(len(signal), 1 / STEP_RATE)
        slow = power[frequency < 1.3].sum() / power.sum()
        assert (slow > 0.03) == name.startswith("odd"), name


@pytest.mark.parametrize("pitch", [440.0, 1000.0, 3000.0])
def test_a_spectrum_peaks_at_the_pitch(pitch):
    time = np.arange(SOUND_RATE) / SOUND_RATE
    found = data.spectra(np.sin(2 * np.pi * pitch * time))
    assert found.shape[1] == BANDS
    bands = np.arange(1, BANDS + 1) * SOUND_RATE / (2 * BANDS)  # Hz
    assert (np.abs(bands[found.argmax(axis=1)] - pitch) <= 0.5 * SOUND_RATE / (2 * BANDS)).all()


def test_half_the_amplitude_is_six_decibels_of_sixty():
    time = np.arange(SOUND_RATE) / SOUND_RATE
    loud = np.where(time < 0.512, 1, 0.5) * np.sin(2 * np.pi * 1000 * time)
    found = data.spectra(loud).max(axis=1)
    assert found[1] - found[-1] == pytest.approx(20 * np.log10(2) / 60, abs=1e-3)


def test_silence_is_silent():
    assert (data.spectra(np.zeros(4096)) == 0).all()


def pictures(folder, names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((30, 40, 3), 51, np.uint8)).save(folder / name)


def test_a_folder_of_pictures(tmp_path):
    source = tmp_path / "odd things at home"  # its own name says nothing
    normal = ["garden/a.png", "garden/deep/b.png", *(f"wood {i}.png" for i in range(7))]
    odd = ["Odd ones/c.png", "garden/deep/odd/d.png", "garden/odd_e.png", "odd.png"]
    pictures(source, normal + odd)
    (source / ".hidden").write_text("words")
    (source / "garden" / "notes.txt").write_text("words")
    found = data.collect(source, "photographs", size=16, channels=3)
    assert sorted(found.names) == sorted(normal + odd)
    assert set(found.names[found.odd.numpy()]) == set(odd)
    assert found.groups.tolist() == [name.split("/")[0] for name in found.names]
    torch.testing.assert_close(found.images, torch.full((13, 3, 16, 16), 0.2))
    as_dict = {path.name: str(path) for path in sorted(source.iterdir()) if path.name != ".hidden"}
    again = data.collect(as_dict, "photographs", size=16, channels=3)
    assert again.names.tolist() == found.names.tolist()
    assert torch.equal(again.odd, found.odd)


def test_a_dict_may_hold_one_picture_or_many_a_group_and_files_that_cannot_be_read(tmp_path):
    pictures(tmp_path, ["a.png", "odd b.png"])
    (tmp_path / "broken.png").write_text("words")
    files = [tmp_path / "broken.png", tmp_path / "a.png", tmp_path / "odd b.png"]
    source = {i: np.zeros((28, 28)) for i in range(6)}
    source |= {"colour": np.zeros((64, 64, 3), np.uint8), "files": files, "many": torch.zeros(3, 1, 9, 9)}
    found = data.collect(source, "photographs")
    assert found.groups.tolist() == [*"012345", "colour", "files", "files", *["many"] * 3]
    assert found.names[6:10].tolist() == ["colour/image 0", "files/a.png", "files/odd b.png", "many/image 0"]
    assert found.odd.nonzero().flatten().tolist() == [8]


def test_a_folder_of_sounds_of_another_rate_in_stereo(tmp_path):
    time = np.arange(22050) / 22050
    for i in range(10):
        sound = np.round(20000 * np.sin(2 * np.pi * 1000 * time)).astype(np.int16)
        wavfile.write(tmp_path / f"{i}.wav", 22050, np.stack([sound, sound], axis=1))
    found = data.collect(tmp_path, "sounds")
    assert set(found.groups) == {str(i) for i in range(10)}
    loudest = found.images[:, 0, 0, :].argmax(dim=1)
    assert (loudest == 31).all()  # the 32nd band of 31.25 Hz


def test_a_folder_of_tables_few_recordings_are_cut_into_tenths(tmp_path):
    table = np.stack([np.arange(645) / 644, 1 - np.arange(645) / 644], axis=1)
    np.savetxt(tmp_path / "day.csv", table, delimiter=",", header="x,y", comments="")
    found = data.collect(tmp_path, "sensors")
    assert found.images.shape == (10, 2, 1, 64)
    assert found.groups.tolist() == [f"day, part {i}" for i in range(10)]
    torch.testing.assert_close(found.images[3, 0, 0], torch.arange(192, 256) / 644)
    torch.testing.assert_close(found.images[:, 0] + found.images[:, 1], torch.ones(10, 1, 64))
    assert found.names.tolist() == [f"day, window {i}" for i in range(10)]


def test_an_odd_recording_may_lie_in_any_folder(tmp_path):
    for name in ("monday/walk", "monday/odd walk", "monday/ODD/walk", "sunday/walk, not odd"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        np.savetxt(tmp_path / f"{name}.csv", np.arange(640), delimiter=",")
    found = data.collect(tmp_path, "sensors")
    kinds = {name.split(", window")[0] for name in found.names[found.odd.numpy()]}
    assert kinds == {"monday/odd walk", "monday/ODD/walk"}


@pytest.mark.parametrize(
    ("source", "kind", "words"),
    [
        ({"a": np.zeros(100)}, "films", "kind"),
        ({"a": np.zeros(10)}, "sensors", "at least 64 values"),
        ({}, "sounds", "holds none"),
        ({"a": np.zeros((1, 64)), "b": np.zeros((2, 64))}, "sensors", "same number of channels"),
        ("nowhere at all", "sounds", "nowhere at all"),
        ({}, "photographs", "at least one image"),
        ("nowhere at all", "photographs", "must be a folder, and there is no nowhere at all"),
        ("", "photographs", "'.' is the folder that you are in"),
        (" ", "sensors", "'.' is the folder that you are in"),
        (__file__, "photographs", r"not the file .*test_collection\.py: take the folder of all groups"),
        (np.zeros((9, 28, 28)), "photographs", r"not NumPy array of float64: dict\(enumerate\(source\)\)"),
        (7, "sounds", "a folder or a dict, group → what it holds, not int"),
        ({"a": "nowhere"}, "photographs", "there is no 'nowhere'"),
        ({"a": ""}, "photographs", "there is no ''"),
        ({"a": "my.wav"}, "sounds", r"source\['a'\] must be numbers \(N,\), not <U6 of the shape \(\)"),
        ({"a": np.zeros((2, 900))}, "sounds", r"must be numbers \(N,\), not float64 of the shape \(2, 900\)"),
        (dict(enumerate(np.zeros((7, 9, 9)))), "photographs", "part, and it holds 7: add sub-folders"),
        ({f"odd {i}": np.zeros(99) for i in range(9)}, "sensors", "part, and it holds 0: add recordings"),
    ],
)
def test_what_cannot_work_gets_a_sentence(source, kind, words):
    with pytest.raises(ValueError, match=words):
        data.collect(source, kind)


def test_an_empty_folder_gets_a_sentence(tmp_path):
    with pytest.raises(ValueError, match=r"\.csv files, and there are none"):
        data.collect(tmp_path, "sensors")
