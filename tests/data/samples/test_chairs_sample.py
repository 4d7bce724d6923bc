"""The sample in place of rendered_chairs.tar: the same layout and kind of images, the same bytes every time."""

import tarfile
from pathlib import Path

import numpy as np
import pytest

from pipeline_lib.config.chairs import ChairsSampleSettings
from pipeline_lib.config.raw import RAW_SOURCES
from pipeline_lib.data.chair_images import find_chairs, read_chair
from pipeline_lib.data.chairs import prepare
from pipeline_lib.data.hdf5 import VideoFile
from pipeline_lib.data.samples import chairs
from pipeline_lib.data.samples.chair_shapes import BACKS, LEGS, SEATS, make_chair
from pipeline_lib.data.samples.chairs import CAMERA, N_CHAIRS, SEED, make, view_names
from pipeline_lib.data.samples.rasteriser import Camera, nearest_faces


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three chairs of the sample."""
    folder = tmp_path_factory.mktemp("chairs_sample")
    make(folder, n_chairs=3)
    return folder


def test_the_archive_is_laid_out_as_the_published_one(folder: Path) -> None:
    assert [path.name for path in folder.iterdir()] == [file.name for file in RAW_SOURCES["chairs_sample"].files]
    with tarfile.open(folder / "rendered_chairs.tar") as archive:
        names = archive.getnames()
    assert len(names) == len(set(names)) == 1 + 3 * 62
    assert names[0] == "rendered_chairs/all_chair_names.mat"
    found = find_chairs(folder)
    assert len(found) == 3
    for chair, views in found.items():
        assert [view.name for view in views] == [f"rendered_chairs/{chair}/renders/{name}" for name in view_names()]


def test_views_go_around_at_one_elevation_and_then_at_the_other() -> None:
    names = view_names()
    assert names == sorted(names) and len(names) == 62
    assert [names[k] for k in (0, 1, 30, 31, 61)] == [
        "image_000_p020_t000_r096.png",
        "image_001_p020_t011_r096.png",
        "image_030_p020_t348_r096.png",
        "image_032_p030_t000_r096.png",
        "image_062_p030_t348_r096.png",
    ]


def test_images_are_read_as_the_published_ones_and_show_chairs_on_white(folder: Path) -> None:
    for views in find_chairs(folder).values():
        read = read_chair(views)
        assert read.problems == ()
        covered = (read.frames < 200).any(axis=1).mean(axis=(1, 2))
        assert 0.03 < covered.min() and covered.max() < 0.5
        assert (read.frames[:, :, 0] == 255).all() and (read.frames[:, :, :, [0, -1]] == 255).all(), "white around"
        neighbours = np.abs(np.diff(read.frames.astype(float), axis=0)).mean(axis=(1, 2, 3))
        assert neighbours.min() > 0.3, "every view is another one"


def test_all_of_a_chair_is_in_what_preparation_keeps() -> None:
    directions = list(chairs.views())
    assert len(directions) == 62
    for number in range(N_CHAIRS):
        corners = chairs.centred(make_chair(number, SEED).corners)
        for each in directions:
            places = CAMERA.project(corners @ each.T)[..., :2] * 600 / CAMERA.size
            assert 100 <= places.min() and places.max() <= 500
    (image, *_) = chairs.render(make_chair(0, SEED))
    rows, columns = np.nonzero((image != 255).any(axis=2))
    assert image.shape == (600, 600, 3) and image.dtype == np.uint8
    assert 100 <= min(rows.min(), columns.min()) and max(rows.max(), columns.max()) < 500


def test_the_same_bytes_come_again(folder: Path, tmp_path: Path) -> None:
    make(tmp_path, n_chairs=3)
    assert (tmp_path / "rendered_chairs.tar").read_bytes() == (folder / "rendered_chairs.tar").read_bytes()


def test_no_two_chairs_are_alike_and_every_kind_is_among_them() -> None:
    made = [make_chair(number, SEED) for number in range(N_CHAIRS)]
    assert N_CHAIRS == ChairsSampleSettings().preparation.n_chairs >= 40
    heights = {round(float(chair.corners[..., 2].max()), 6) for chair in made}
    assert len(heights) == N_CHAIRS and max(heights) > 1.3 * min(heights)
    assert len({chair.colours.tobytes() for chair in made}) == N_CHAIRS
    assert len({len(chair.corners) for chair in made}) > 20, "made of different parts"
    kinds = {(number % len(LEGS), (number + number // len(LEGS)) % len(SEATS)) for number in range(N_CHAIRS)}
    assert len(kinds) == len(LEGS) * len(SEATS) and N_CHAIRS > len(BACKS)


def test_faces_look_outwards() -> None:
    """A box is closed: the normals of its faces, by area, add up to nothing; so do those of every chair's bodies."""
    for number in range(0, N_CHAIRS, 5):
        corners = make_chair(number, SEED).corners
        normals = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1]) / 2
        np.testing.assert_allclose(normals.sum(axis=0), 0, atol=1e-12)
        volume = (normals * corners[:, 0]).sum() / 3
        assert volume > 0, "inside out"


def by_rays(corners: np.ndarray, camera: Camera, azimuth: float, elevation: float) -> np.ndarray:
    """The nearest face of every pixel by a ray through its centre, pixel by pixel and face by face."""
    seen = corners @ camera.directions(azimuth, elevation).T
    eye = np.array([0.0, 0.0, camera.distance])
    faces = np.zeros((camera.size, camera.size), int)
    for row in range(camera.size):
        for column in range(camera.size):
            x, y = column + 0.5 - camera.size / 2, camera.size / 2 - row - 0.5
            ray = np.array([x, y, -camera.focal_length])
            nearest = np.inf
            for k, (a, b, c, d) in enumerate(seen):
                normal = np.cross(c - a, d - b)
                if normal @ ray >= 0:
                    continue
                length = normal @ (a - eye) / (normal @ ray)
                hit = eye + length * ray
                ends = ((a, b), (b, c), (c, d), (d, a))
                if 0 < length < nearest and all(normal @ np.cross(q - p, hit - p) >= 0 for p, q in ends):
                    nearest, faces[row, column] = length, k + 1
    return faces


@pytest.mark.parametrize("number", [3, 5])
def test_the_nearest_face_is_the_one_that_a_ray_meets_first(number: int) -> None:
    corners = make_chair(number, SEED).corners - np.array([0, 0, 0.45])
    camera = Camera(CAMERA.distance, CAMERA.focal_length * 15 / CAMERA.size, size=15)
    azimuth, elevation = 0.7 + number, 0.4
    projected = camera.project(corners @ camera.directions(azimuth, elevation).T)
    expected = by_rays(corners, camera, azimuth, elevation)
    assert len(np.unique(expected)) > 5
    np.testing.assert_array_equal(nearest_faces(projected, camera.size), expected)


def test_the_camera_stands_in_front_and_then_to_the_side() -> None:
    camera = Camera(distance=4, focal_length=100, size=100)
    points = np.array([[0, 0, 0], [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]])
    front = camera.project(points @ camera.directions(0, 0).T)
    assert front[:, 0].tolist() == pytest.approx([50, 37.5, 50, 50]), "what is right of a chair is left of who faces it"
    assert front[:, 1].tolist() == pytest.approx([50, 50, 50, 37.5]) and front[2, 2] > front[0, 2]
    side = camera.project(points @ camera.directions(np.pi / 2, 0).T)
    assert side[1, 2] > side[0, 2] and side[2, 0] == pytest.approx(62.5)


def test_the_sample_is_prepared_as_the_published_archive(folder: Path, tmp_path: Path) -> None:
    made = ChairsSampleSettings.model_validate({"preparation": {"n_chairs": 3}})
    prepare(made, tmp_path / "train.h5", tmp_path / "test.h5", raw=folder, n_workers=1)
    with VideoFile(tmp_path / "train.h5") as file:
        assert (file.attributes["dataset"], file.n_videos) == ("chairs_sample", 2)
        assert "rendered by this project" in file.attributes["source"]


def test_a_failure_half_way_leaves_no_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(number: int, seed: int) -> None:
        raise OSError("disk on fire")

    monkeypatch.setattr(chairs, "make_chair", fail)
    with pytest.raises(OSError, match="disk on fire"):
        make(tmp_path)
    assert list(tmp_path.iterdir()) == []
