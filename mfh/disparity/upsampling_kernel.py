"""The Warp kernel of `mfh.disparity.upsampling`; importing this module imports Warp."""

# Warp's annotations are values for its compiler, not Python types.
# mypy: ignore-errors
# ruff: noqa: UP018

from mfh.warp_runtime import wp

# Nothing is differentiated, and kernels without their adjoint compile in half the time.
wp.set_module_options({"enable_backward": False})

# Colours closer than this (RGB distance, 0..255) count as alike: photo noise lies below, most
# object borders above. On NYU photos the error of upsampled truth hardly changes between 15 and 40.
_ALIKE = wp.constant(25.0)


@wp.func
def _cubic_b_spline(distance: float) -> float:
    t = wp.abs(distance)
    if t < 1.0:
        return (4.0 - 6.0 * t * t + 3.0 * t * t * t) / 6.0
    if t < 2.0:
        return (2.0 - t) * (2.0 - t) * (2.0 - t) / 6.0
    return 0.0


@wp.kernel
def joint_bilateral_rows(
    values: wp.array2d(dtype=wp.float32),
    slope_x: wp.array2d(dtype=wp.float32),
    slope_y: wp.array2d(dtype=wp.float32),
    coarse_guide: wp.array3d(dtype=wp.uint8),
    fine_guide: wp.array3d(dtype=wp.uint8),
    first_row: int,
    step_x: float,
    step_y: float,
    margin: int,
    result: wp.array2d(dtype=wp.float32),
) -> None:
    """Upsample the rows from `first_row` on; the coarse arrays have a margin on every side."""
    strip_row, column = wp.tid()
    row = first_row + strip_row
    # The fine pixel's centre in coarse pixels, counted from the centre of coarse pixel 0.
    y = (float(row) + 0.5) * step_y - 0.5
    x = (float(column) + 0.5) * step_x - 0.5
    y0 = int(wp.floor(y)) - 1
    x0 = int(wp.floor(x)) - 1
    red = float(fine_guide[row, column, 0])
    green = float(fine_guide[row, column, 1])
    blue = float(fine_guide[row, column, 2])
    total = float(0.0)
    total_weight = float(0.0)
    lowest = float(wp.inf)
    highest = float(-wp.inf)
    for i in range(4):
        dy = y - float(y0 + i)
        weight_y = _cubic_b_spline(dy)
        for j in range(4):
            dx = x - float(x0 + j)
            m = y0 + i + margin
            n = x0 + j + margin
            d_red = float(coarse_guide[m, n, 0]) - red
            d_green = float(coarse_guide[m, n, 1]) - green
            d_blue = float(coarse_guide[m, n, 2]) - blue
            unlike = 1.0 + (d_red * d_red + d_green * d_green + d_blue * d_blue) / (_ALIKE * _ALIKE)
            weight = weight_y * _cubic_b_spline(dx) / (unlike * unlike)
            value = values[m, n]
            total += weight * (value + slope_x[m, n] * dx + slope_y[m, n] * dy)
            total_weight += weight
            lowest = wp.min(lowest, value)
            highest = wp.max(highest, value)
    result[row, column] = wp.clamp(total / total_weight, lowest, highest)
