"""Make docs/images/demo.jpg: the demo's photo, three of its paintings, and its depth.

mfh demo --out /tmp/demo && python scripts/make_readme_picture.py /tmp/demo
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image

_PICTURE = Path(__file__).resolve().parent.parent / "docs" / "images" / "demo.jpg"
_GAP_PX = 10
_WIDTH_PX = 1280
_QUALITY = 88


def compose(run: Path, paintings: tuple[str, ...]) -> Image.Image:
    """Photo and depth side by side, and under them the paintings, on white."""
    photo = Image.open(run / "photo" / "photo.png").convert("RGB")
    depth = Image.open(run / "depth.png").convert("RGB")
    top = _row([photo, depth])
    bottom = _row(
        [Image.open(run / "painted" / f"{name}.png").convert("RGB") for name in paintings]
    )
    picture = Image.new("RGB", (_WIDTH_PX, top.height + _GAP_PX + bottom.height), "white")
    picture.paste(top, (0, 0))
    picture.paste(bottom, (0, top.height + _GAP_PX))
    return picture


def _row(images: list[Image.Image]) -> Image.Image:
    """Images side by side at one height, together as wide as the picture."""
    aspects = [image.width / image.height for image in images]
    room = _WIDTH_PX - _GAP_PX * (len(images) - 1)
    height = round(room / sum(aspects))
    row = Image.new("RGB", (_WIDTH_PX, height), "white")
    left = 0
    for image, aspect in zip(images, aspects, strict=True):
        width = min(round(height * aspect), _WIDTH_PX - left)
        row.paste(image.resize((width, height), Image.Resampling.LANCZOS), (left, 0))
        left += width + _GAP_PX
    return row


def main() -> None:
    """Read a demo's run folder and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="folder of a finished mfh demo")
    parser.add_argument("--paintings", default="0000,0001,0002", help="names of three paintings")
    options = parser.parse_args()
    picture = compose(options.run, tuple(options.paintings.split(",")))
    _PICTURE.parent.mkdir(parents=True, exist_ok=True)
    picture.save(_PICTURE, quality=_QUALITY, subsampling=0)
    print(f"wrote {_PICTURE}")


if __name__ == "__main__":
    main()
