"""Masks of MOTS in both forms: the same pixels, and refusal of what is damaged, by file and line."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline_lib.data.mots_masks import MaskImages, MaskTexts, read_mask_image
from tests.data.mots_releases import HEIGHT, WIDTH, labels, lines, run_lengths

pytest.importorskip("pycocotools", reason="masks as text are decoded by pycocotools")


def pedestrians(frame: int) -> np.ndarray:
    made = labels(frame)
    return np.where((made >= 2000) & (made < 3000), made, 0)


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "gt.txt"
    path.write_text("\n".join([*lines([6, 60]), ""]))
    return path


def test_images_and_texts_give_the_same_pedestrians_and_no_others(texts: Path, tmp_path: Path) -> None:
    Image.fromarray(labels(60)).save(tmp_path / "000060.png")
    of_images = MaskImages(tmp_path, {60: tmp_path / "000060.png"}).labels(60, HEIGHT, WIDTH)
    of_texts = MaskTexts(texts).labels(60, HEIGHT, WIDTH)
    assert of_images.dtype == of_texts.dtype == np.uint16
    np.testing.assert_array_equal(of_images, pedestrians(60))
    np.testing.assert_array_equal(of_texts, pedestrians(60))
    np.testing.assert_array_equal(MaskTexts(texts).labels(6, HEIGHT, WIDTH), pedestrians(6))
    assert not MaskTexts(texts).labels(12, HEIGHT, WIDTH).any(), "a frame without a line shows nobody"


@pytest.mark.parametrize("seed", range(5))
def test_run_lengths_of_any_mask_are_those_of_pycocotools(seed: int, tmp_path: Path) -> None:
    from pycocotools import mask as coco

    random = np.random.default_rng(seed)
    mask = random.random((37, 53)) < (0.5, 0.02, 0.98, 0.2, 0.0)[seed]
    mask[:, 20:40] = seed % 2
    assert run_lengths(mask).encode() == coco.encode(np.asfortranarray(mask, np.uint8))["counts"]
    (tmp_path / "gt.txt").write_text(f"1 2001 2 37 53 {run_lengths(mask)}\n")
    np.testing.assert_array_equal(MaskTexts(tmp_path / "gt.txt").labels(1, 37, 53) == 2001, mask)


def test_run_lengths_that_are_cut_anywhere_are_found(tmp_path: Path) -> None:
    """pycocotools decodes most of them, to what happens to be in the memory."""
    path, whole = tmp_path / "gt.txt", run_lengths(labels(6) == 2003)
    for n in range(1, len(whole)):
        path.write_text(f"1 1005 1 60 80 x\n6 2003 2 60 80 {whole[:n]}\n")
        with pytest.raises(ValueError, match=r"gt\.txt, line 2: .*truncated"):
            MaskTexts(path).labels(6, 60, 80)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("6 2003 2 60 80", "line 2 has 5 columns, expected are 6: frame, object, class, height, width, run lengths"),
        ("6 2003 2 60 80 abc def", "line 2 has 7 columns"),
        ("6 2003 two 60 80 abc", "line 2: class is 'two', expected is a number"),
        ("-6 2003 2 60 80 abc", "line 2: frame is '-6'"),
        ("6 1003 2 60 80 abc", "line 2: object 1003 is not of class 2"),
    ],
)
def test_a_line_with_other_columns_is_told(texts: Path, line: str, complaint: str) -> None:
    texts.write_text(f"{lines([6])[0]}\n{line}\n")
    with pytest.raises(ValueError, match=r"gt\.txt, ") as caught:
        MaskTexts(texts)
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("counts", "complaint"),
    [
        ("~~", "'~' is no character of run lengths"),
        (run_lengths(np.ones((60, 80))) + "1", "cover 4801 pixels, the mask has 60 x 80, 4800"),
        ("555J", "run length 4 is negative"),
        ("O", "run length 1 is negative"),
    ],
)
def test_run_lengths_that_make_no_mask_are_told(texts: Path, counts: str, complaint: str) -> None:
    texts.write_text(f"6 2003 2 60 80 {counts}\n")
    with pytest.raises(ValueError, match=r"gt\.txt, line 1: ") as caught:
        MaskTexts(texts).labels(6, 60, 80)
    assert complaint in str(caught.value)


def test_a_file_that_is_no_text_is_told(texts: Path) -> None:
    texts.write_bytes(b"\xff\xfe" * 10)
    with pytest.raises(ValueError, match=r"gt\.txt is no text of masks"):
        MaskTexts(texts)


def test_masks_of_another_size_than_their_frame_are_told(texts: Path, tmp_path: Path) -> None:
    expected = "a mask of 80x60 pixels, and its frame has 81x60"
    with pytest.raises(ValueError, match=rf"gt\.txt, line 3: {expected}"):
        MaskTexts(texts).labels(6, 60, 81)
    Image.fromarray(labels(6)).save(tmp_path / "000006.png")
    with pytest.raises(ValueError, match=rf"000006\.png: {expected}"):
        MaskImages(tmp_path, {6: tmp_path / "000006.png"}).labels(6, 60, 81)


def test_mask_images_of_8_bits_damaged_ones_and_missing_ones_are_told(tmp_path: Path) -> None:
    path = tmp_path / "000006.png"
    for small in (labels(6).astype(np.uint8), np.zeros((60, 80, 3), np.uint8)):
        Image.fromarray(small).save(path)
        with pytest.raises(ValueError, match=r"000006\.png: pixels are (L|RGB), .* expected is a mask of 16-bit grey"):
            read_mask_image(path)
    Image.fromarray(labels(6)).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"000006\.png is damaged"):
        read_mask_image(path)
    path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"000006\.png is no PNG image \(7 bytes\)"):
        read_mask_image(path)
    with pytest.raises(ValueError, match="holds no mask of frame 12"):
        MaskImages(tmp_path, {6: path}).labels(12, 60, 80)
