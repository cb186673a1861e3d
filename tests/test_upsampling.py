from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from mfh.disparity.upsampling import upsample
from mfh.errors import InputError

HEIGHT, WIDTH = 240, 320


def resized(values: NDArray[np.float32], height: int, width: int, how: str) -> NDArray[np.float32]:
    filters = {"box": Image.Resampling.BOX, "bilinear": Image.Resampling.BILINEAR}
    return np.asarray(Image.fromarray(values).resize((width, height), filters[how]))


def noise_guide(seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)


def centres(height: int, width: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The pixel centres of a smaller grid, in pixels of the full one."""
    y, x = np.mgrid[0:height, 0:width] + 0.5
    return y * HEIGHT / height, x * WIDTH / width


def test_equal_sizes_are_left_alone() -> None:
    values = np.random.default_rng(0).random((HEIGHT, WIDTH)).astype(np.float32)
    result = upsample(values, noise_guide())
    assert np.array_equal(result, values)
    assert not np.shares_memory(result, values)


@pytest.mark.parametrize("size", [(60, 80), (19, 25), (100, 150), (240, 80), (1, 80), (2, 2)])
@pytest.mark.parametrize("texture", [False, True])
def test_a_plane_comes_back_exactly_whatever_the_texture(
    size: tuple[int, int], texture: bool
) -> None:
    guide = noise_guide() if texture else np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    slope_y = 0.0 if size[0] == 1 else 0.0007

    def plane(y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
        return 0.3 + 0.001 * x + slope_y * y

    result = upsample(plane(*centres(*size)), guide)
    true = plane(*centres(HEIGHT, WIDTH))
    assert result.dtype == np.float32
    assert np.abs(result / true - 1).max() < 2e-5


def test_texture_does_not_show_in_a_flat_disparity() -> None:
    result = upsample(np.full((30, 40), 0.4), noise_guide())
    assert np.abs(result - np.float32(0.4)).max() < 1e-6


def test_nothing_leaves_the_range_of_its_neighbours() -> None:
    values = np.random.default_rng(1).random((30, 40)).astype(np.float32)
    result = upsample(values, noise_guide(2))
    lowest = ndimage.minimum_filter(values, 9).repeat(8, 0).repeat(8, 1)
    highest = ndimage.maximum_filter(values, 9).repeat(8, 0).repeat(8, 1)
    inside = np.s_[16:-16, 16:-16]  # at the border a plane goes on for half a coarse pixel
    assert (result >= lowest)[inside].all()
    assert (result <= highest)[inside].all()


def test_a_step_reaches_the_border_without_overshoot() -> None:
    values = np.zeros((30, 40), np.float32)
    values[:, :20] = 1
    values[:10] = 0.5
    result = upsample(values, noise_guide())
    assert result.min() >= -1e-4
    assert result.max() <= 1 + 1e-4


@pytest.mark.parametrize(("height", "width"), [(60, 80), (19, 25)])
def test_an_edge_lies_where_the_colours_change(height: int, width: int) -> None:
    y, x = centres(HEIGHT, WIDTH)
    offset_px = x - 160.3 + 0.37 * (y - 120) + 12 * np.sin(y / 20)
    near = offset_px > 0
    true = np.where(near, 0.8, 0.3).astype(np.float32)
    rng = np.random.default_rng(0)
    colour = np.where(near, 170, 90)[..., None] + rng.normal(0, 8, (HEIGHT, WIDTH, 3))
    guide = colour.clip(0, 255).astype(np.uint8)
    values = resized(true, height, width, "box")
    result = upsample(values, guide)
    bilinear = resized(values, HEIGHT, WIDTH, "bilinear")

    clear = np.abs(offset_px) > 1  # more than a pixel away from the edge
    assert ((result > 0.55) == near)[clear].all()

    def blurred_px(estimate: NDArray[np.float32]) -> float:
        """How wide the band is, on average over the rows, that is off by a tenth of the step."""
        return float((np.abs(estimate - true) > 0.05).sum(1).mean())

    assert blurred_px(result) < 1.5
    assert blurred_px(bilinear) > 1.2 * HEIGHT / height


@pytest.mark.parametrize("factor", [4, 8])
@pytest.mark.parametrize(
    ("photo", "depth"),
    [
        ("living_room_rgb.png", "living_room_depth.png"),
        ("rgb_00000.jpg", "sync_depth_00000.png"),
    ],
)
def test_beats_bilinear_on_measured_depth(
    shared: Path, photo: str, depth: str, factor: int
) -> None:
    folder = shared / "data" / "nyu"
    guide = np.asarray(Image.open(folder / photo).convert("RGB"))
    depth_m = np.asarray(Image.open(folder / depth)).astype(np.float32) / 1000
    known = depth_m > 0
    nearest = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    disparity = 1 / depth_m[tuple(nearest)]
    inside = np.zeros_like(known)
    inside[45:471, 41:601] = True
    known &= inside
    values = resized(disparity, 480 // factor, 640 // factor, "box")

    def error(estimate: NDArray[np.float32], where: NDArray[np.bool_]) -> float:
        return float((np.abs(estimate - disparity) / disparity)[where].mean())

    reach = 2 * factor + 1
    jump = ndimage.maximum_filter(disparity, reach) - ndimage.minimum_filter(disparity, reach)
    edges = known & (jump > 0.1 * disparity)
    result = upsample(values, guide)
    bilinear = resized(values, 480, 640, "bilinear")
    assert error(result, known) < 0.95 * error(bilinear, known)
    assert error(result, edges) < 0.85 * error(bilinear, edges)


@pytest.mark.parametrize(
    ("values", "guide", "message"),
    [
        (np.zeros((2, 2, 2)), np.zeros((4, 4, 3), np.uint8), "values have shape"),
        (np.zeros((2, 2)), np.zeros((4, 4), np.uint8), "the guide is"),
        (np.zeros((2, 2)), np.zeros((4, 4, 3)), "the guide is"),
        (np.zeros((8, 2)), np.zeros((4, 4, 3), np.uint8), "larger than the photo"),
        (np.array([[0, np.nan]]), np.zeros((4, 4, 3), np.uint8), "NaN or infinity"),
    ],
)
def test_what_cannot_be_upsampled_is_refused(
    values: NDArray[np.float64], guide: NDArray[np.uint8], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        upsample(values, guide)


@pytest.mark.slow
def test_a_48_megapixel_photo_needs_little_more_than_its_own_memory() -> None:
    import subprocess
    import sys

    pytest.importorskip("resource", reason="peak memory is read from a Unix facility")
    script = """
import numpy as np
from peak_memory import peak_bytes
from mfh.disparity.upsampling import upsample
guide = np.tile(np.arange(8064, dtype=np.uint8)[:, None], (6048, 1, 3))
assert upsample(np.ones((480, 640)), guide).shape == (6048, 8064)
print(peak_bytes())
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    assert int(done.stdout.split()[-1]) < 1.2e9
