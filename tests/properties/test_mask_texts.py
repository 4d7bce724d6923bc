"""MOTS's texts of masks: the mask that was written, or a sentence that names file and line; and images of any size."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from pipeline_lib.data.mots_masks import MaskTexts, read_mask_image
from pipeline_lib.data.pedestrian_frames import grey_image
from tests.data.mots_releases import run_lengths
from tests.properties.boundary import answer, damaged
from tests.properties.pictures import picture


@given(arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=40)), st.integers(0, 999))
def test_masks_that_are_written_are_read_again(tmp_path: Path, mask: np.ndarray, instance: int) -> None:
    path, (height, width) = tmp_path / "gt.txt", mask.shape
    path.write_text(f"6 {2000 + instance} 2 {height} {width} {run_lengths(mask)}\n")
    found = answer(lambda: MaskTexts(path).labels(6, height, width), path)
    np.testing.assert_array_equal(found, np.where(mask, 2000 + instance, 0))


LINE = f"6 2001 2 12 9 {run_lengths(np.arange(108).reshape(12, 9) % 7 < 3)}\n".encode()


@given(st.data())
def test_damaged_texts_are_refused_or_hold_masks_of_their_size(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "gt.txt"
    path.write_bytes(data.draw(damaged(LINE * 2, 16)))
    found = answer(lambda: MaskTexts(path).labels(6, 12, 9), path)
    assert isinstance(found, str) or set(np.unique(found).tolist()) <= {0, *range(2000, 3000)}


numbers = st.sampled_from(["0", "1", "6", "2", "12", "9", "2001", "-1", "1e3", "9" * 20, "9" * 6000, "x", "²"])
lengths = st.sampled_from(["0", "P1", "o" * 10**6, "oooooooooooo0", "~~", "\\", "`o`o", "O", "_"])


@given(st.lists(numbers, min_size=4, max_size=6), lengths)
def test_lines_of_anything(tmp_path: Path, columns: list[str], counts: str) -> None:
    path = tmp_path / "gt.txt"
    path.write_text(" ".join([*columns, counts]) + "\n", encoding="utf-8")
    answer(lambda: MaskTexts(path).labels(6, 12, 9), path)


@pytest.mark.parametrize("size", [(60_000_000, 1), (1, 60_000_000), (9_000, 9_000)])
def test_images_of_few_bytes_and_many_pixels_are_refused(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "000006.png"
    path.write_bytes(picture(*size))

    def read() -> None:
        try:
            grey_image(path.read_bytes())
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error

    assert "of a side that are read" in answer(read, path)
    assert "of a side that are read" in answer(lambda: read_mask_image(path), path)


@given(st.data())
def test_damaged_mask_images_are_refused(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "000006.png"
    Image.fromarray(np.full((20, 30), 2001, np.uint16)).save(path)
    path.write_bytes(data.draw(damaged(path.read_bytes())))
    found = answer(lambda: read_mask_image(path), path)
    assert isinstance(found, str) or found.ndim == 2
