"""Tables of scores, published figures, and the files that scoring leaves."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from planted_run import PlantedSet, photo_score, plant_run

from mfh.datasets.base import Checked
from mfh.evaluation.methods.ablations import ablation
from mfh.evaluation.runs.run_file import RowInfo, RunInfo
from mfh.evaluation.scoring.results import Results
from mfh.evaluation.scoring.score import score_run
from mfh.evaluation.scoring.score_files import (
    run_tables,
    summary,
    write_csv,
    write_scores,
)
from mfh.evaluation.scoring.scores import NOT_PREDICTED, VALUES, PhotoScore
from mfh.evaluation.tables.published import MFH, published
from mfh.evaluation.tables.quantities import QUANTITIES
from mfh.evaluation.tables.table_text import latex, latex_text, markdown
from mfh.evaluation.tables.tables import Table, TableRow, score_table

_NAMES = ("x", "y", "u", "v", "w")


def _case(*rows: RowInfo, name: str = "planted") -> tuple[RunInfo, PlantedSet]:
    run = RunInfo(Path("run"), name, Path("data"), rows, _NAMES)
    return run, replace(PlantedSet(Path("data"), _NAMES), name=name)


def _equal_scores(row: str, **values: float) -> list[PhotoScore]:
    """All photos alike, so that no interval has any width."""
    return [photo_score(row, 0, name, **values) for name in _NAMES]


def test_a_small_table_in_full() -> None:
    run, data_set = _case(RowInfo("a", "Ours | 50 % off", (0,), {}), RowInfo("b", "R&D", (0,), {}))
    scores = _equal_scores("a", delta1=0.832, abs_rel=0.137)
    scores += [PhotoScore("b", 0, name, {}, "no file") for name in _NAMES]
    table = score_table(Results.of(run, data_set, scores), ("delta1", "abs_rel"))
    assert markdown(table) == (
        "### Planted\n"
        "\n"
        "| Method | δ₁ % | AbsRel % | Photos |\n"
        "| --- | ---: | ---: | ---: |\n"
        "| Ours \\| 50 % off | 83.2 ± 0.0 | 13.7 ± 0.0 | 5 |\n"
        "| R&D | – | – | 0 (5 failed) |\n"  # noqa: RUF001
        "\n"
        "± half the 95 % confidence interval over photos (bootstrap).\n"
        "\n"
        "The rows are over different photos (0 to 5 of them): compare them on the photos that all "
        "have.\n"
    )
    assert latex(table) == (
        "\\begin{table}\n"
        "  \\centering\n"
        "  \\caption{Planted}\n"
        "  \\begin{tabular}{lrrr}\n"
        "    \\toprule\n"
        "    Method & $\\delta_1$ \\% & AbsRel \\% & Photos \\\\\n"
        "    \\midrule\n"
        "    Ours \\textbar{} 50 \\% off & 83.2 $\\pm$ 0.0 & 13.7 $\\pm$ 0.0 & 5 \\\\\n"
        "    R\\&D & -- & -- & 0 (5 failed) \\\\\n"
        "    \\bottomrule\n"
        "  \\end{tabular}\n"
        "  \\par\\footnotesize $\\pm$ half the 95 \\% confidence interval over photos "
        "(bootstrap).\n"
        "  \\par\\footnotesize The rows are over different photos (0 to 5 of them): compare them "
        "on the photos that all have.\n"
        "\\end{table}\n"
    )


def test_pixels_without_a_depth_are_told_with_what_they_count_as() -> None:
    """They weigh more than all others, so that no figure is understood without them."""
    run, data_set = _case(*(RowInfo(key, f"Row {key}", (0,), {}) for key in "abc"))
    shares = {"a": 0.42, "b": 0.0, "c": 0.00049}
    scores = [each for row, share in shares.items() for each in _equal_scores(row, unusable=share)]
    notes = score_table(Results.of(run, data_set, scores)).notes
    assert [note for note in notes if "no depth" in note] == [
        "Row a gives no depth at 42.0 % of the pixels that count; they are scored as 10 m."
    ]


def test_published_figures_stand_apart_with_their_source() -> None:
    run, data_set = _case(RowInfo("a", "Ours", (0,), {}), name="nyu")
    results = Results.of(run, data_set, _equal_scores("a", delta1=0.9))
    table = score_table(results, ("delta1", "silog"))
    assert table.columns == ("Method", "δ₁ %", "SIlog", "Photos", "Source")
    assert table.rows[0] == TableRow(
        ("Ours", "90.0 ± 0.0", "0.00 ± 0.00", "5", ""), "Measured here"
    )
    rows = {row.cells[0]: row for row in table.rows[1:]}
    assert rows["MfH, N = 32"].cells[1:3] == ("83.2", "9.78")
    assert rows["MfH, N = 32"].cells[4] == f"{MFH}, Table 1"
    assert rows["UniDepthV2"].cells[1:3] == ("98.8", "\N{EN DASH}")
    assert {row.section for row in table.rows[1:]} == {"Published"}
    assert "| *Published* |  |  |  |  |\n" in markdown(table)
    assert "    \\midrule\n    \\multicolumn{5}{l}{\\textit{Published}} \\\\\n" in latex(table)
    without = score_table(results, ("delta1",), common=True)
    assert len(without.rows) == 1


def test_published_figures_are_of_the_photos_for_testing() -> None:
    run, data_set = _case(RowInfo("a", "Ours", (0,), {}), name="nyu")
    run = replace(run, options={"split": "train"})
    table = score_table(Results.of(run, data_set, _equal_scores("a", delta1=0.9)), ("delta1",))
    assert (len(table.rows), table.title) == (1, "Planted, split train")


def test_an_ablation_has_its_groups_and_the_papers_figures_beside_ours() -> None:
    rows = (
        RowInfo("a", "one", (0,), {}, {"delta1": 0.639}, {"Model": "ZoeDepth", "Target": "depth"}),
        RowInfo("b", "two", (0,), {}, {"delta1": 0.979}, {"Model": "ZoeDepth", "Target": "1/d"}),
    )
    run, data_set = _case(*rows, name="nyu")
    scores = _equal_scores("a", delta1=0.64) + _equal_scores("b", delta1=0.97)
    table = score_table(Results.of(run, data_set, scores), ("delta1", "abs_rel"))
    assert table.columns == ("Model", "Target", "δ₁ %", "δ₁ % (paper)", "AbsRel %", "Photos")
    assert table.text_columns == {0, 1}
    zero = "0.00 ± 0.00"
    assert [row.cells for row in table.rows] == [
        ("ZoeDepth", "depth", "64.0 ± 0.0", "63.9", zero, "5"),
        ("ZoeDepth", "1/d", "97.0 ± 0.0", "97.9", zero, "5"),
    ]
    common = score_table(Results.of(run, data_set, scores), ("delta1",), common=True)
    assert common.columns == ("Model", "Target", "δ₁ %", "Photos")


def test_rows_that_groups_do_not_tell_apart_keep_their_label() -> None:
    rows = (RowInfo("a", "one", (0,), {}, {}, {"Model": "Z"}), RowInfo("b", "two", (0,), {}))
    run, data_set = _case(*rows)
    table = score_table(Results.of(run, data_set, []), ())
    assert [row.cells for row in table.rows] == [
        ("one", "Z", "0"),
        ("two", "\N{EN DASH}", "0"),
    ]


def test_what_labels_say_already_gets_no_column() -> None:
    rows = tuple(
        RowInfo(row.key, row.label, (0,), {}, row.published, row.group)
        for name in ("table7", "table8")
        for row in ablation(name).rows
    )
    run, data_set = _case(*rows, RowInfo("zoe", "ZoeDepth", (0,), {}))
    table = score_table(Results.of(run, data_set, []), ())
    assert table.columns == ("Method", "Photos")
    assert table.rows[6].cells[0] == "Stable Diffusion 1.5"


def test_intervals_over_seeds_and_a_part_of_the_data_set_are_told() -> None:
    run, data_set = _case(RowInfo("a", "Ours", (0, 1, 2), {}))
    data_set = replace(data_set, names=(*_NAMES, "z"))
    scores = [
        photo_score("a", seed, name, rmse=0.5 + 0.01 * seed)
        for seed in (0, 1, 2)
        for name in _NAMES
    ]
    table = score_table(Results.of(run, data_set, scores), ("rmse", "affine_rmse"))
    # t of 2 degrees of freedom at 97.5 % is 4.303; the standard deviation is 0.01.
    assert table.rows[0].cells[1] == "0.510 ± 0.000 (0.025)"
    assert "in brackets over seeds (Student's t)" in table.notes[0]
    assert table.notes[2] == "Over 5 of the 6 photos of the data set."
    of_nyu = Results.of(run, replace(data_set, name="nyu"), scores)
    notes = score_table(of_nyu, ("rmse",)).notes
    assert notes[1].endswith("of the data set; published figures are over all of them.")
    assert score_table(of_nyu, ("rmse",), common=True).notes[1] == table.notes[2]


def test_few_photos_and_seeds_get_no_interval_and_that_is_said() -> None:
    run, data_set = _case(RowInfo("a", "A", (0, 1), {}), RowInfo("b", "B", (0, 1), {}))
    names = _NAMES[:2]
    run, data_set = replace(run, names=names), replace(data_set, names=names)
    scores = [
        photo_score(row, seed, name, rmse=0.5 + 0.01 * seed, abs_rel=0.1)
        for row in ("a", "b")
        for seed in (0, 1)
        for name in names
    ]
    results = Results.of(run, data_set, scores)
    table = score_table(results, ("rmse",))
    assert table.rows[0].cells[1] == "0.505"
    assert table.notes == (
        "Fewer than 5 photos tell nothing of others: no interval is given.",
        "Fewer than 3 seeds tell nothing of others: no interval is given.",
    )
    compared = run_tables(results)[1]
    assert compared.rows[0].cells[3:] == ("+0.00", "too few photos", "2")
    assert compared.notes == table.notes[:1]


def test_seeds_alone_have_an_interval() -> None:
    run, data_set = _case(RowInfo("a", "A", (0, 1, 2), {}))
    run, data_set = replace(run, names=("x",)), replace(data_set, names=("x",))
    scores = [photo_score("a", seed, "x", rmse=0.5 + 0.01 * seed) for seed in (0, 1, 2)]
    table = score_table(Results.of(run, data_set, scores), ("rmse",))
    assert table.rows[0].cells[1] == "0.510 (0.025)"
    assert table.notes[0].startswith("In brackets: half the 95 % confidence interval over seeds")


def test_a_part_of_the_data_set_on_this_disk_is_a_part() -> None:
    """Some readers list only what they find; how many there are in all the check knows."""

    class Partly(PlantedSet):
        def check(self) -> Checked:
            return Checked((), 100, len(self.names))

    run, _ = _case(RowInfo("a", "A", (0,), {}))
    data_set = Partly(Path("data"), _NAMES, name="ibims")
    table = score_table(Results.of(run, data_set, _equal_scores("a")), ("delta1",))
    assert table.notes[1].startswith("Over 5 of the 100 photos of the data set; published")


def test_rows_that_know_the_truth_are_named() -> None:
    rows = [
        RowInfo(key, key.upper(), (0,), {"method": method})
        for key, method in (("a", "mfh"), ("b", "simulated"), ("c", "mfh:oracle"))
    ]
    run, data_set = _case(*rows)
    notes = score_table(Results.of(run, data_set, []), ("delta1",)).notes
    assert notes[0].startswith("Simulated, or given the truth: B; C. Such figures")


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("delta1", 0.832, "83.2"),
        ("abs_rel", 2.17, "217"),
        ("abs_rel", 0.10, "10.0"),
        ("silog", 13.0, "13.0"),
        ("rmse", 1.366, "1.366"),
        ("rmse", 12.29, "12.29"),
        ("silog", None, "\N{EN DASH}"),
    ],
)
def test_published_figures_keep_their_digits(name: str, value: float | None, text: str) -> None:
    assert QUANTITIES[name].as_printed(value) == text


def test_published_figures_are_those_of_the_paper() -> None:
    figures = {
        (each.data_set, each.method): each.values
        for data_set in ("nyu", "kitti", "ibims", "diode", "eth3d")
        for each in published(data_set)
    }
    assert figures["kitti", "MfH, N = 32"] == pytest.approx(
        {"delta1": 0.812, "abs_rel": 0.133, "silog": 10.5, "rmse": 4.21}
    )
    assert figures["eth3d", "UniDepth-V"] == pytest.approx(
        {
            "delta1": 0.272,
            "abs_rel": 0.431,
            "silog": 8.93,
            "rmse": 1.950,
            "affine_delta1": 0.974,
            "affine_abs_rel": 0.0579,
            "affine_silog": 7.53,
        }
    )
    assert figures["nyu", "DepthLM 7B"] == {"delta1": 0.915}
    assert published("folder") == ()
    for values in figures.values():
        assert set(values) <= set(VALUES)
        assert all(0 < value <= 1 for name, value in values.items() if "delta" in name)


def test_latex_text_is_harmless() -> None:
    assert latex_text("a_b^2 {x} $5 #1 ~ \\n <|>") == (
        "a\\_b\\textasciicircum{}2 \\{x\\} \\$5 \\#1 \\textasciitilde{} \\textbackslash{}n "
        "\\textless{}\\textbar{}\\textgreater{}"
    )


def test_latex_text_is_ascii() -> None:
    assert latex_text("Grüße, Fryderyk Żółw, e\u0301: δ₁ ≤ 3\u00a0m") == (
        "Gr\\\"{u}\\ss{}e, Fryderyk \\.{Z}\\'{o}\\l{}w, \\'{e}: $\\delta_1$ $\\leq$ 3~m"
    )
    assert latex_text("深度 \N{GREEK SMALL LETTER ALPHA}\x07☃") == "?? ???"


def test_every_line_of_latex_has_as_many_cells(tmp_path: Path) -> None:
    run, data_set = plant_run(tmp_path, ["p/1", "p/2", "p/3"], {"a": 1.0, "b": 1.2}, seeds=(0, 1))
    data_set = replace(data_set, name="ibims")
    for table in run_tables(Results.of(run, data_set, score_run(run, data_set, 1))):
        text = latex(table)
        lines = [line for line in text.splitlines() if line.endswith("\\\\")]
        plain = [line for line in lines if "multicolumn" not in line]
        assert {line.replace("\\&", "").count("&") for line in plain} == {len(table.columns) - 1}
        assert text.count("{") - text.count("\\{") == text.count("}") - text.count("\\}")
        rules = text.split("\\begin{tabular}{")[1].split("}")[0]
        assert len(rules) == len(table.columns)


def test_a_table_without_rows_is_one() -> None:
    empty = Table("Nothing", ("Method",), ())
    assert markdown(empty) == "### Nothing\n\n| Method |\n| --- |\n"
    assert "\\midrule\n    \\bottomrule" in latex(empty)


def test_rows_over_different_photos_get_a_table_on_those_they_share() -> None:
    run, data_set = _case(RowInfo("a", "A", (0,), {}), RowInfo("b", "B", (0,), {}))
    scores = _equal_scores("a", abs_rel=0.2)
    scores += [photo_score("b", 0, "x", abs_rel=0.1), PhotoScore("b", 0, "y", {}, "no file")]
    tables = run_tables(Results.of(run, data_set, scores))
    assert [table.title for table in tables] == [
        "Planted",
        "Planted, on the photos that every row has (1)",
        "Compared with A, photo by photo",
    ]
    assert tables[1].rows[0].cells[-1] == "1"


def test_differences_are_told_with_a_verdict(tmp_path: Path) -> None:
    names = [f"p{i}" for i in range(12)]
    run, data_set = plant_run(tmp_path, names, {"far": 1.1, "exact": 1.0})
    table = run_tables(Results.of(run, data_set, score_run(run, data_set, 1)))[-1]
    assert table.columns == ("Method", "δ₁ %", "verdict", "AbsRel %", "verdict", "Photos")
    (row,) = table.rows
    assert row.cells[0] == "Exact"
    assert row.cells[2:] == (
        "not told apart",
        "\N{MINUS SIGN}10.0 (\N{MINUS SIGN}10.0 to \N{MINUS SIGN}10.0)",
        "better",
        "12",
    )


def test_csv_holds_every_digit(tmp_path: Path) -> None:
    scores = [
        PhotoScore("a", 0, "s/x", {name: math.pi * (i + 1) for i, name in enumerate(VALUES)}),
        PhotoScore("a", 1, "s/x", {}, 'no "file",\r\nsaid it', "0.3.0"),
        photo_score("a", 2, "y", abs_rel=0.5, seconds=math.inf, relative_error=math.nan),
    ]
    path = tmp_path / "scores.csv"
    write_csv(path, scores)
    exact, failed, partly = _lines_of(path)
    assert list(exact) == ["row", "seed", "name", *VALUES, "failure", "version"]
    assert (exact["row"], exact["seed"], exact["name"]) == ("a", "0", "s/x")
    assert {name: float(exact[name]) for name in VALUES} == scores[0].values
    assert (failed["failure"], failed["version"]) == (scores[1].failure, "0.3.0")
    assert {failed[name] for name in VALUES} == {""}
    assert '"no ""file"",\r\nsaid it",0.3.0\r\n' in path.read_bytes().decode()
    assert (partly["abs_rel"], partly["seconds"], partly["relative_error"]) == ("0.5", "inf", "")


def _lines_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_all_files_of_a_run(tmp_path: Path) -> None:
    names = ["s/1", "s/2", "s/3", "s/4", "s/5"]
    run, data_set = plant_run(tmp_path, names, {"exact": 1.0, "far": 1.1}, seeds=(0, 1))
    scores = score_run(run, data_set, 1)
    paths = write_scores(Results.of(run, data_set, scores))
    assert sorted(paths) == ["scores.csv", "summary.json", "table.md", "table.tex"]
    assert all(path == run.folder / name and path.is_file() for name, path in paths.items())
    lines = _lines_of(paths["scores.csv"])
    assert [(line["row"], int(line["seed"]), line["name"]) for line in lines] == [
        (score.row, score.seed, score.name) for score in scores
    ]
    stored = json.loads(paths["summary.json"].read_text(encoding="utf-8"))
    assert stored["rows"][1]["means"]["scale_error"]["value"] == pytest.approx(0.1)
    assert stored["common"]["photos"] == 5
    difference = next(each for each in stored["differences"] if each["value"] == "abs_rel")
    assert (difference["row"], difference["other"], difference["better"]) == ("far", "exact", False)
    assert paths["table.md"].read_text(encoding="utf-8").count("### ") == 2
    assert paths["table.tex"].read_text(encoding="utf-8").isascii()
    assert paths["table.tex"].read_text(encoding="utf-8").startswith("% \\usepackage{booktabs}\n")
    assert not list(run.folder.glob(".mfh-*"))


def test_rows_over_other_photos_and_versions_are_told_of() -> None:
    run, data_set = _case(RowInfo("a", "A", (0,), {}), RowInfo("b", "B", (0,), {}))
    scores = [
        replace(score, version=version)
        for score, version in zip(_equal_scores("a")[:2], ("0.3.0", "0.2.1"), strict=True)
    ]
    scores += [photo_score("b", 0, "x"), PhotoScore("b", 0, "y", {}, NOT_PREDICTED)]
    run = replace(run, names=_NAMES[:2])
    results = Results.of(run, data_set, scores)
    table = score_table(results, ("delta1",))
    assert [row.cells[-1] for row in table.rows] == ["2", "1 (1 not predicted)"]
    assert "Predicted by several versions of mfh: A (0.2.1, 0.3.0)." in table.notes
    _, stored = summary(results)["rows"]
    assert (stored["failed"], stored["not_predicted"]) == ([], [["y", 0]])
    assert summary(results)["rows"][0]["versions"] == ["0.2.1", "0.3.0"]


def test_an_ablation_has_its_title_and_says_that_figures_are_left_out() -> None:
    about = ablation("table5")
    rows = tuple(RowInfo(row.key, row.label, (0,), {}, row.published) for row in about.rows)
    run, data_set = _case(*rows, name="nyu")
    run = replace(run, ablation="table5")
    table = score_table(Results.of(run, data_set, []), ("delta1",))
    assert table.title == "Planted, Table 5: losses"
    assert not any("paper" in note for note in table.notes)
    run = replace(run, rows=tuple(replace(row, published={}) for row in rows))
    table = score_table(Results.of(run, replace(data_set, name="folder"), []), ("delta1",))
    assert table.columns == ("Method", "δ₁ %", "Photos")
    assert any(note.startswith("The paper's figures stand beside rows on") for note in table.notes)
    unknown = replace(run, ablation="table99")
    assert score_table(Results.of(unknown, data_set, [])).title == "Planted, table99"


def test_every_value_has_a_heading_of_its_own_and_a_way_to_be_written() -> None:
    assert set(QUANTITIES) == set(VALUES)
    assert len({quantity.heading for quantity in QUANTITIES.values()}) == len(VALUES)
    assert QUANTITIES["scaled_abs_rel"].heading == "AbsRel %, scaled"
    assert QUANTITIES["abs_rel"].text(0.1374) == "13.7"
    assert QUANTITIES["rmse"].text(-0.0123, signed=True) == "\N{MINUS SIGN}0.012"
    assert QUANTITIES["silog"].text(math.nan) == "\N{EN DASH}"
    assert QUANTITIES["relative_error"].text(math.inf) == "inf"
