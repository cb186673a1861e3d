"""docs/evaluation.md: its commands run, and its lists and tables are those of the code."""

from __future__ import annotations

import csv
import json
import re
import shlex
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import typer
from commands import run_here
from mfh_cli.evaluation_rows import rows_of

from mfh.datasets import DATA_SETS, open_data_set
from mfh.datasets.folder import Folder
from mfh.datasets.index_file import INDEX_SUFFIXES
from mfh.datasets.labels import IBIMS_UNIT_M, Labels
from mfh.errors import InputError, SettingsError
from mfh.evaluation.methods.ablations import ABLATIONS, ablation
from mfh.evaluation.methods.rivals import method_spec
from mfh.evaluation.scoring.scores import METRICS, VALUES
from mfh.simulation import SimulatedErrors

_REPOSITORY = Path(__file__).resolve().parent.parent
_PAGE = _REPOSITORY / "docs" / "evaluation.md"
_TEXT = _PAGE.read_text("utf-8")
_PAGES = (_PAGE, _REPOSITORY / "docs" / "evaluation_on_a_cluster.md", _REPOSITORY / "README.md")


def _section(title):
    """What stands below a heading, up to the next one."""
    below = re.split(rf"^#+ {re.escape(title)}\n", _TEXT, flags=re.M)[1]
    return re.split(r"^##", below, flags=re.M)[0]


def _rows(title):
    """The cells of a section's only table, without its heading."""
    lines = [line for line in _section(title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def _names(text):
    return re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text)


def _blocks(text, *languages):
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S)
    return [block for language, block in found if language in languages]


def _commands(text):
    """The words of the commands for evaluations in a page's code."""
    lines = (line for block in _blocks(text, "", "bash", "text") for line in block.splitlines())
    commands = [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("mfh ")]
    return [words for words in commands if words[0] in ("evaluate", "score")]


_ALL = [words for page in _PAGES for words in _commands(page.read_text("utf-8"))]


def _accepted(words):
    """The values of a command's parameters; raises where the command line knows no such option."""
    from mfh_cli.main import app

    command = typer.main.get_command(app).commands[words[0]]
    return command.make_context(words[0], list(words[1:])).params


@pytest.mark.parametrize("words", _ALL, ids=" ".join)
def test_commands_are_those_of_the_command_line(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("PREDICTIONS", "rooms/depth"):
        Path(folder).mkdir(parents=True)
    given = _accepted(words)
    if words[0] == "score" or given["check"]:
        return
    assert given["data"] is not None
    options = dict(option.split("=") for option in given["data_option"] or [])
    assert open_data_set(given["data_set"], tmp_path, **options).name == given["data_set"]
    made = rows_of(
        given["method"] or [],
        None,
        data_set=given["data_set"],
        preset=given["preset"],
        changes=given["changes"],
        options={"paintings": given["paintings"]},
        errors=SimulatedErrors.default(),
        people=(),
        names=(),
    )
    assert len(made) == len(given["method"] or ["mfh"])
    rows = ablation(given["ablation"]).rows if given["ablation"] else ()
    takers = {row.key for row in rows if row.regressor}
    assert {option.split("=")[0] for option in given["people"] or []} <= takers


def test_commands_that_are_none_would_be_found():
    assert len(_ALL) > 25
    with pytest.raises(Exception, match=r"(?i)no such option"):
        _accepted(["evaluate", "nyu", "--nothing"])
    with pytest.raises(SettingsError, match="is unknown"):
        method_spec("zoedepth")


@pytest.fixture(scope="module")
def rooms(tmp_path_factory):
    """A folder with the rooms of the walk without models."""
    folder = tmp_path_factory.mktemp("walk")
    (code,) = _blocks(_section("Try it without models"), "python")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        exec(compile(code, str(_PAGE), "exec"), {})
    return folder


@pytest.fixture
def walked(rooms, capsys, monkeypatch):
    """The run of the walk without models."""
    monkeypatch.chdir(rooms)
    if not (rooms / "run").exists():
        for words in _commands(_section("Try it without models")):
            status, printed = run_here(capsys, *words)
            assert status == 0, printed
    return rooms / "run"


def test_the_walk_without_models_does_as_it_says(walked):
    rows = {row["key"]: row for row in json.loads((walked / "summary.json").read_text())["rows"]}
    assert [row["seeds"] for row in rows.values()] == [[0, 1], [0], [0]]
    assert list(rows)[:2] == ["simulated", "simulated-oracle"]
    assert rows["files-rooms-depth"]["means"]["abs_rel"]["value"] == pytest.approx(0, abs=1e-6)
    assert all(row["count"] == 3 for row in rows.values())


def test_runs_go_where_it_says_and_two_settings_into_one(walked, capsys):
    command = ("evaluate", "folder", "--data", "rooms", "--method")
    assert run_here(capsys, *command, "files:rooms/depth", "--limit", 1)[0] == 0
    (run,) = Path("mfh_out").iterdir()
    assert f"`{run.as_posix()}`" in _section("A run")
    (named,) = (text for text in _names(_section("A run")) if text.startswith("--method "))
    _, method, *changes = named.split()
    few = ("--preset", "paper", "-n", 4, "--limit", 1)
    assert run_here(capsys, *command, "simulated", *few)[0] == 0
    assert run_here(capsys, *command, method.replace("mfh", "simulated"), *changes, *few)[0] == 0
    keys = [row["key"] for row in json.loads((run / "summary.json").read_text())["rows"]]
    assert keys == ["files-rooms-depth", "simulated", "l1"]


def test_a_runs_folder_holds_what_is_listed(walked):
    listed = [name for cell, _ in _rows("A run") for name in _names(cell)]
    assert {name.split("/")[0] for name in listed} == {path.name for path in walked.iterdir()}
    (pattern,) = (name for name in listed if name.startswith("predictions/"))
    of_photo = pattern.replace("ROW", "simulated").replace("_K", "_1").replace("NAME", "rgb/1")
    (content,) = (_names(text) for name, text in _rows("A run") if pattern in name)
    with np.load(walked / of_photo) as prediction:
        assert prediction["depth_m"].shape == (240, 320)
        assert [name for name in content if name != "NAME.failed.txt"] == prediction.files


def test_columns_of_scores_are_listed(walked):
    listed = [name for cell, _ in _rows("Scores") for name in _names(cell)]
    spelled = []
    for name in listed:
        if name.endswith("_*"):
            spelled += [name[:-1] + metric for metric in METRICS]
        else:
            spelled.append(name)
    with (walked / "scores.csv").open(newline="", encoding="utf-8") as file:
        header = next(csv.reader(file))
    assert sorted(spelled) == sorted(header)
    assert set(VALUES) < set(header)


def test_parts_of_the_summary_are_named(walked):
    summary = json.loads((walked / "summary.json").read_text())
    names = set(_names(_section("Scores")))
    row = summary["rows"][0]
    assert {"rows", "common", "differences"} <= names & set(summary)
    assert {"count", "failed", "not_predicted", "versions", "means"} <= names & set(row)
    assert set(row["means"]["abs_rel"]) <= names


def test_data_sets_and_their_protocols_are_listed(tmp_path):
    official = [name for name in DATA_SETS if name not in ("folder", "labels")]
    assert [_names(cells[0])[0] for cells in _rows("Data sets")] == official
    listed = {name: cells[1:] for cells in _rows("Protocols") for name in _names(cells[0])}
    assert list(listed) == list(DATA_SETS)
    for name, (_, between, crop, _) in listed.items():
        protocol = open_data_set(name, tmp_path).protocol
        assert between == f"{protocol.min_m:g} and {protocol.max_m:g}"
        assert crop == protocol.crop


def test_index_columns_and_options_are_listed(tmp_path):
    text = _section("Your own photos: `folder`")
    assert {f"index{suffix}" for suffix in INDEX_SUFFIXES} <= set(_names(text))
    columns = [name for cells in _rows("Your own photos: `folder`") for name in _names(cells[0])]
    (tmp_path / "index.csv").write_text("photo,depth,none\na.png,a.npy,1\n")
    with pytest.raises(InputError) as refused:
        Folder(tmp_path).samples()
    assert all(re.search(rf"\b{name}\b", str(refused.value)) for name in columns)
    for made, title in (
        (Folder, "Your own photos: `folder`"),
        (Labels, "Labelled pixels: `labels`"),
    ):
        names = {name.split("=")[0] for name in _names(_section(title))}
        assert {field.name for field in fields(made)} - {"root"} <= names
    assert round(IBIMS_UNIT_M, 9) == round(50 / 65535, 9)
    assert "(50 / 65535 m)" in _section("Labelled pixels: `labels`").replace("\n", " ")


def test_rows_of_the_ablations_are_listed():
    listed = {_names(name)[0]: _names(rows) for name, rows, _, _ in _rows("The paper's tables")}
    for each in ABLATIONS:
        names = listed.pop(each.name)
        endings = [name for name in names if name.startswith("-")] or [""]
        stems = [name for name in names if not name.startswith("-")]
        assert [f"{stem}{end}" for stem in stems for end in endings] == [r.key for r in each.rows]
    assert not listed
