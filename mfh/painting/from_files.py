"""Painted photos that exist already: of another run, or of any tool."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mfh.decoding import decode, read_image
from mfh.errors import InputError
from mfh.files.reading import read_json
from mfh.files.user_files import (
    check_same_picture,
    content_hash,
    files_in,
    name_of_files,
    resize_mask,
)
from mfh.records import PHOTO_NAME, PaintingPlan, Photo

_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")
MASK_ENDING = "_repainted"


class PaintedFiles:
    """A folder of painted photos, each `NAME.png` with its mask `NAME_repainted.png`.

    A mask is white (non-zero) where the painter painted. Photos and masks may be of another size
    than the photo if the aspect agrees. `painted.json`, as in the `painted` folder of a run, may
    add prompts and seeds; only the photos it lists count then, in its order. Raises `InputError`
    where a file is missing, unreadable or of the wrong shape.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.name = name_of_files(self.folder, "painter")
        images = files_in(self.folder, _SUFFIXES, "painted photos")
        by_stem = {path.stem: path for path in images}
        self._described = self._read_description()
        self._images = [p for p in images if not p.stem.endswith(MASK_ENDING)]
        if not self._images:
            raise InputError(
                f"{self.folder}: holds masks alone; each painted photo is NAME.png, and its mask "
                f"NAME{MASK_ENDING}.png"
            )
        if self._described is not None:
            self._images = self._listed(self._described)
        missing = [p.name for p in self._images if p.stem + MASK_ENDING not in by_stem]
        if missing:
            many = len(missing) > 1
            raise InputError(
                f"{self.folder}: {len(missing)} painted photo{'s' * many} without a mask, "
                f"{'e.g. ' * many}{missing[0]}; {'each' if many else 'it'} needs "
                f"{Path(missing[0]).stem}{MASK_ENDING}.png, white where it was repainted"
            )
        doubtful = [name for name in self.names if name == PHOTO_NAME or self.names.count(name) > 1]
        if doubtful:
            raise InputError(
                f"{self.folder}: a painted photo cannot be named {doubtful[0]!r}, as "
                f"{'the photo itself is' if doubtful[0] == PHOTO_NAME else 'another one is'}; "
                "rename it, its mask and what was measured in it"
            )
        self._masks = [by_stem[p.stem + MASK_ENDING] for p in self._images]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the painted photos, in order."""
        return tuple(path.stem for path in self._images)

    @cached_property
    def fingerprint(self) -> dict[str, str]:
        """Names and contents of the files, as a hash."""
        extra = [] if self._described is None else [self._description]
        return {"part": "files", "sha256": content_hash([*self._images, *self._masks, *extra])}

    @property
    def _description(self) -> Path:
        return self.folder / "painted.json"

    def plan(self, photo: Photo) -> PaintingPlan:
        """What the files say was painted where, at the photo's size."""
        masks = []
        for path in self._masks:
            values = np.asarray(read_image(path).convert("L"))
            check_same_picture(str(path), values.shape, photo.shape)
            masks.append(resize_mask(values > 0, *photo.shape))
        prompts, seeds = self._prompts_and_seeds()
        return PaintingPlan(np.stack(masks), prompts, seeds, self.names)

    def paint(self, photo: Photo, plan: PaintingPlan) -> Iterator[NDArray[np.uint8]]:
        """Give the painted photos named by the plan, at the photo's size."""
        by_stem = {path.stem: path for path in self._images}
        height, width = photo.shape
        for name in plan.names:
            pixels = decode(by_stem[name]).pixels
            check_same_picture(str(by_stem[name]), pixels.shape[:2], photo.shape)
            if pixels.shape[:2] != photo.shape:
                resized = Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS)
                pixels = np.asarray(resized)
            yield pixels

    def _prompts_and_seeds(self) -> tuple[tuple[str, ...], tuple[int, ...]]:
        known = self._described or {}
        pairs = [known.get(name, ("", 0)) for name in self.names]
        return tuple(prompt for prompt, _ in pairs), tuple(seed for _, seed in pairs)

    def _listed(self, described: Mapping[str, tuple[str, int]]) -> list[Path]:
        """The painted photos that `painted.json` lists: a run may have left others before."""
        missing = [name for name in described if name not in self.names]
        if missing or not described:
            what = f"{missing[0]}, but there is no {missing[0]}.png" if missing else "no names"
            raise InputError(
                f"{self._description}: lists {what}; mend the list, or remove it to use every "
                "painted photo of the folder"
            )
        # A name that two files share stays twice, to be refused.
        return [path for name in described for path in self._images if path.stem == name]

    def _read_description(self) -> dict[str, tuple[str, int]] | None:
        """Prompt and seed by name; None where there is no `painted.json`."""
        if not self._description.is_file():
            return None
        read = read_json(self._description)
        try:
            rows = list(zip(read["names"], read["prompts"], read["seeds"], strict=True))
            described = {str(name): (str(prompt), int(seed)) for name, prompt, seed in rows}
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise InputError(
                f"{self._description}: expected lists names, prompts and seeds of equal length "
                f"({error}); mend it, or remove it"
            ) from error
        if len(described) < len(rows):
            raise InputError(f"{self._description}: lists a name twice; mend it, or remove it")
        return described
