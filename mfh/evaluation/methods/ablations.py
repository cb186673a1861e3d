"""The paper's ablations (Tables 3-5 and 7-9, Figure 5) as rows that can be run.

Each row is preset "paper" with some settings changed. Published figures are those of the paper,
delta1 and AbsRel as fractions; those that could not be read with certainty are left out.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any

from mfh.errors import SettingsError
from mfh.evaluation.methods.base import MethodSpec, Row
from mfh.evaluation.runs.run_file import RowInfo
from mfh.evaluation.tables.published import figures
from mfh.settings import Settings, settings_from

SpecOf = Callable[[str, Settings, str, str], MethodSpec]
"""Makes the specification of a variant ("" or "oracle"), settings, meshes and regressor."""


@dataclass(frozen=True)
class AblationRow:
    """A row of an ablation.

    key, label, group: as in `Row`.
    published: the paper's figures, by the names of `PhotoScore.values`, in their units.
    changes: the settings that are its own, by name.
    oracle: whether the truth stands in for the painted people.
    regressor: the mesh regressor it needs that is not part of this project; its meshes are the
        user's.
    """

    key: str
    label: str
    changes: Mapping[str, Any]
    group: Mapping[str, str]
    published: Mapping[str, float] = field(default_factory=dict)
    oracle: bool = False
    regressor: str = ""


@dataclass(frozen=True)
class Ablation:
    """A table or figure of the paper.

    name: as on the command line; title: in words.
    common: settings of all rows besides preset "paper".
    seeds: how many. data_set: that of the paper's figures.
    """

    name: str
    title: str
    rows: tuple[AblationRow, ...]
    common: Mapping[str, Any] = field(default_factory=dict)
    seeds: int = 1
    data_set: str = "nyu"

    def runnable(
        self,
        spec_of: SpecOf,
        *,
        data_set: str,
        preset: str = "paper",
        changes: Mapping[str, Any] = MappingProxyType({}),
        meshes: Mapping[str, str] = MappingProxyType({}),
    ) -> tuple[Row, ...]:
        """The rows as they can be run.

        data_set: the name of that which they are run on.
        changes: settings that the user wants otherwise in all rows.
        meshes: for rows of a regressor that is not part of this project, by key: a folder of its
            meshes.

        The paper's figures stand beside a row only where it is run as in the paper: on its data
        set, with its settings.

        Raises `SettingsError` for a change of what the rows differ in, and for meshes of a row that
        takes none.
        """
        own = {name for row in self.rows for name in row.changes}
        for name in changes:
            if name in own:
                raise SettingsError(
                    f"{name} is given, but it is what the rows of {self.name} differ in; leave it "
                    "out, or run a single method without --ablation"
                )
        takers = [row.key for row in self.rows if row.regressor]
        for key in meshes:
            if key not in takers:
                there = f"rows that take them: {', '.join(takers)}" if takers else "no row does"
                raise SettingsError(f"{self.name}: row {key!r} takes no meshes; {there}")
        rows = []
        for row in self.rows:
            settings = settings_from(preset, **{**self.common, **changes, **row.changes})
            comparable = data_set == self.data_set and self._is_the_papers(row, settings)
            variant = "oracle" if row.oracle else ""
            rows.append(
                Row(
                    key=row.key,
                    label=row.label,
                    spec=spec_of(variant, settings, meshes.get(row.key, ""), row.regressor),
                    published=row.published if comparable else {},
                    group=row.group,
                )
            )
        return tuple(rows)

    def _is_the_papers(self, row: AblationRow, settings: Settings) -> bool:
        """Whether a row's settings are those of the paper, as far as its result depends on them."""
        from mfh.evaluation.methods.painting_key import depended_on  # noqa: PLC0415 - brings simulation

        papers = settings_from("paper", **{**self.common, **row.changes})
        return depended_on(settings) == depended_on(papers)


def ablation(name: str) -> Ablation:
    """The ablation of a name. Raises `SettingsError` for an unknown one, naming the closest."""
    known = {each.name: each for each in ABLATIONS}
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise SettingsError(f"ablation {name!r} is unknown; {hint}there are {', '.join(known)}")
    return known[name]


def title_of(name: str) -> str:
    """The title of an ablation; its name where this version of mfh does not have it."""
    return next((each.title for each in ABLATIONS if each.name == name), name)


def without_figures(name: str, rows: Sequence[RowInfo]) -> list[RowInfo]:
    """The rows of an ablation that lack the paper's figures because they cannot be compared."""
    its = {row.key for each in ABLATIONS if each.name == name for row in each.rows if row.published}
    return [row for row in rows if row.key in its and not row.published]


def _row(
    key: str,
    changes: Mapping[str, Any],
    printed: Sequence[float | None],
    *,
    label: str = "",
    oracle: bool = False,
    regressor: str = "",
    **group: str,
) -> AblationRow:
    named = {name.replace("_", " "): value for name, value in group.items()}
    return AblationRow(
        key=key,
        label=label or ", ".join(named.values()),
        changes=changes,
        group=named,
        published=figures(printed),
        oracle=oracle,
        regressor=regressor,
    )


def _of_targets(
    key: str, title: str, model: str, printed: Sequence[Sequence[float]]
) -> Iterable[AblationRow]:
    """The four rows of a relative model in Table 3."""
    targets = (("true", "depth"), ("true", "disparity"), ("painted", "depth"))
    for (whose, space), row in zip((*targets, ("painted", "disparity")), printed, strict=True):
        yield _row(
            f"{key}-{whose}-{space}",
            {"disparity.model": model, "head_space": space},
            row,
            oracle=whose == "true",
            MRDE_model=title,
            Target=f"{whose} {space}",
        )


def _of_parameters(
    key: str, title: str, changes: Mapping[str, Any], printed: Sequence[Sequence[float | None]]
) -> Iterable[AblationRow]:
    """The two rows of a set of parameters in Table 4."""
    for whose, row in zip(("true", "painted"), printed, strict=True):
        yield _row(
            f"{key}-{whose}",
            changes,
            row,
            oracle=whose == "true",
            Parameters=title,
            Target=f"{whose} disparity",
        )


_TABLE3 = (
    *_of_targets(
        "zoedepth",
        "ZoeDepth",
        "zoedepth",
        (
            (63.9, 22.4, 24.5, 0.692),
            (66.5, 20.1, 23.2, 0.658),
            (29.5, 35.5, 30.6, 1.246),
            (30.2, 32.3, 25.1, 1.158),
        ),
    ),
    *_of_targets(
        "marigold",
        "Marigold",
        "marigold",
        (
            (96.3, 5.88, 8.70, 0.251),
            (78.8, 15.1, 20.9, 0.523),
            (60.7, 21.4, 19.5, 0.689),
            (40.7, 31.1, 31.3, 1.086),
        ),
    ),
    *_of_targets(
        "depth-anything",
        "Depth Anything",
        "depth-anything-large",
        (
            (75.8, 16.8, 19.8, 0.657),
            (97.9, 4.57, 6.68, 0.222),
            (50.1, 41.7, 27.9, 1.874),
            (66.8, 21.9, 15.2, 0.792),
        ),
    ),
)

_ALL = {"align": True, "fit_scale": True, "fit_offset": True}
_TABLE4 = (
    *_of_parameters(
        "no-alignment",
        "s, t",
        {**_ALL, "align": False},
        ((97.9, None, None, 0.222), (58.6, 28.0, 21.2, 1.079)),
    ),
    *_of_parameters(
        "scale-only",
        "s_n, t_n, s",
        {**_ALL, "fit_offset": False},
        ((29.2, 43.5, 47.3, 1.910), (None, None, None, None)),
    ),
    *_of_parameters(
        "offset-only",
        "s_n, t_n, t",
        {**_ALL, "fit_scale": False},
        ((0.0, 98.9, 62.5, 2.825), (0.30, None, None, 3.387)),
    ),
    *_of_parameters(
        "all", "s_n, t_n, s, t", _ALL, ((97.9, 4.57, 6.68, 0.222), (66.8, 21.9, 15.2, 0.792))
    ),
)

_TABLE5 = tuple(
    _row(key, {"head_method": method}, printed, Loss=title)
    for key, method, title, printed in (
        ("l1", "l1", "L1", (24.2, 201, 28.9, 4.645)),
        ("l2", "l2", "L2", (62.3, 27.1, 16.7, 0.975)),
        ("mse-log", "log_l2", "MSE of logs", (67.5, 22.5, 14.6, 0.810)),
        ("silog", "silog", "SIlog", (66.8, 21.9, 15.2, 0.792)),
    )
)

_TABLE7 = tuple(
    _row(
        f"widths-{least:g}-{most:g}",
        {"strip_min_ratio": least, "strip_max_ratio": most},
        printed,
        label=f"widths {least:g} to {most:g}",
        Min_ratio=f"{least:g}",
        Max_ratio=f"{most:g}",
    )
    for least, most, printed in (
        (0.1, 0.7, (67.1, 23.3, 15.4, 0.812)),
        (0.2, 0.8, (66.8, 21.9, 15.2, 0.792)),
        (0.3, 0.9, (66.0, 23.5, 15.0, 0.834)),
        (0.2, 0.6, (66.0, 22.4, 14.7, 0.827)),
        (0.3, 0.7, (67.5, 22.9, 14.9, 0.806)),
        (0.4, 0.8, (54.3, 27.3, 16.9, 1.031)),
    )
)

_TABLE8 = tuple(
    _row(key, {"painter.model": key}, printed, Painter=title)
    for key, title, printed in (
        ("sd15-inpainting", "Stable Diffusion 1.5", (74.0, 16.8, 11.5, 0.642)),
        ("sdxl-inpainting", "Stable Diffusion XL", (78.5, 15.9, 11.3, 0.533)),
        ("sd2-inpainting", "Stable Diffusion 2", (83.2, 13.7, 9.78, 0.487)),
    )
)

_TABLE9 = (
    # First the row that makes the paintings in which the others are to measure people.
    _row("hmr2", {"people.model": "hmr2"}, (83.2, 13.7, 9.78, 0.487), HMR_model="HMR 2.0"),
    *(
        _row(key, {}, printed, regressor=title, HMR_model=title)
        for key, title, printed in (
            ("hmar", "HMAR", (82.0, 14.2, 9.83, 0.489)),
            ("tokenhmr", "TokenHMR", (80.4, 14.9, 9.55, 0.495)),
        )
    ),
)

# The figure prints no numbers; those of 4 and 32 paintings are in Tables 3 and 1.
_NOT_PRINTED: tuple[None, ...] = (None,) * 4
_FIGURE5 = tuple(
    _row(f"n{count}", {"paintings": count}, printed, label=f"N = {count}", N=f"{count}")
    for count, printed in (
        (4, (66.8, 21.9, 15.2, 0.792)),
        (8, _NOT_PRINTED),
        (16, _NOT_PRINTED),
        (32, (83.2, 13.7, 9.78, 0.487)),
    )
)

_of_4 = partial(Ablation, common=MappingProxyType({"paintings": 4}))
_of_32 = partial(Ablation, common=MappingProxyType({"paintings": 32}))
ABLATIONS = (
    _of_4("table3", "Table 3: relative models and optimisation targets", _TABLE3),
    _of_4("table4", "Table 4: optimisation parameters and targets", _TABLE4),
    _of_4("table5", "Table 5: losses", _TABLE5),
    _of_4("table7", "Table 7: mask sizes", _TABLE7),
    _of_32("table8", "Table 8: generative painting models", _TABLE8),
    _of_32("table9", "Table 9: human mesh recovery models", _TABLE9),
    Ablation("figure5", "Figure 5: number of painted photos", _FIGURE5, seeds=5),
)
