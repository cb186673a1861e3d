"""From the options of `mfh evaluate` to rows: their keys, labels and methods."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from commands import run_here
from mfh_cli.evaluation_progress import show_missing
from mfh_cli.evaluation_rows import rows_of
from small_rooms import rooms, write_rooms

from mfh.errors import SettingsError
from mfh.evaluation.methods.ablations import ablation
from mfh.evaluation.methods.mfh_specs import SimulatedSpec
from mfh.simulation import SimulatedErrors


def rows(*methods, table=None, changes=None, names=()):
    return rows_of(
        methods,
        table and ablation(table),
        data_set="folder",
        preset=None,
        changes=changes,
        options={},
        errors=SimulatedErrors.default(),
        people=(),
        names=names,
    )


def keys(*methods, **options):
    return [row.key for row in rows(*methods, **options)]


def test_a_row_is_named_by_its_method(tmp_path):
    (tmp_path / "a").mkdir()
    assert keys() == ["mfh"]
    assert keys("simulated", "simulated:oracle", "metric3d:vit_small", "hub:org/a.b") == [
        *("simulated", "simulated-oracle", "metric3d-vit_small", "hub-org-a.b"),
    ]


def test_a_label_tells_the_method_and_its_settings():
    methods = ("mfh", "simulated", "mfh:oracle", "simulated:oracle", "hub:org/model", "metric3d")
    assert [row.label for row in rows(*methods)] == [
        *("MfH, N = 32, robust", "simulated, N = 32, robust"),
        *("MfH oracle, silog", "simulated oracle, silog", "org/model", "metric3d"),
    ]
    papers = rows("mfh", "mfh:oracle", changes=["head_method=l1", "paintings=4"])
    assert [row.label for row in papers] == ["MfH, N = 4, l1", "MfH oracle, l1"]
    assert [row.spec.settings.head_method for row in papers] == ["l1", "l1"]


def test_a_row_is_named_by_its_user(tmp_path):
    folder = tmp_path / "a=b"
    folder.mkdir()
    made = rows("Ours.v2=simulated", f"theirs=files:{folder}", f"files:{folder}", names=["a", "b"])
    assert [row.key for row in made[:2]] == ["Ours.v2", "theirs"]
    assert [row.label for row in made[:2]] == ["Ours.v2", "theirs"]
    assert made[1].spec == made[2].spec
    assert made[1].spec.names == ("a", "b")
    assert made[1].spec.folder == str(folder)


@pytest.mark.parametrize("text", ["ü=simulated", "a b=simulated", "=simulated", "key=", "a/b=mfh"])
def test_names_that_name_no_folder_are_refused(text):
    with pytest.raises(SettingsError, match=f"--method {text}: expected METHOD or KEY=METHOD"):
        rows(text)


def test_a_method_that_is_unknown_is_told_without_its_key():
    with pytest.raises(SettingsError, match="method 'zoe' is unknown"):
        rows("a=zoe")


def test_different_methods_have_different_keys(tmp_path_factory):
    # A short name: of a long path the key keeps only the beginning.
    tmp_path = tmp_path_factory.mktemp("k")
    folders = ["数据/甲", "数据/乙", "x/y", "x-y", "X-Y", f"{'long/' * 20}z"]
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
    texts = [f"files:{tmp_path / folder}" for folder in folders]
    made = keys(*texts)
    assert len({key.casefold() for key in made}) == len(folders)
    assert all(key.isascii() and len(key) <= 90 for key in made)
    # A key made of letters that folders may lack does not depend on the other rows.
    assert [keys(text) for text in (texts[0], texts[1], texts[5])] == [[made[i]] for i in (0, 1, 5)]
    assert keys(texts[2])[0].endswith("-x-y")


def test_beside_an_ablation_stand_the_rows_that_are_named():
    made = rows("simulated", "base=simulated", table="table5")
    assert [row.key for row in made] == ["l1", "l2", "mse-log", "silog", "base"]
    assert all(isinstance(row.spec, SimulatedSpec) for row in made)


def test_a_named_row_is_evaluated(capsys, tmp_path):
    data, saved = write_rooms(tmp_path / "data", 2), tmp_path / "saved"
    saved.mkdir()
    np.save(saved / "room_0.npy", np.load(data / "depth" / "room_0.npy"))
    np.save(saved / "rgb_room_1.npy", np.load(data / "depth" / "room_1.npy"))
    command = ("evaluate", "folder", "--data", data, "--out", tmp_path / "run")
    status, printed = run_here(capsys, *command, "--method", f"perfect=files:{saved}")
    assert status == 0, printed
    assert "| perfect |" in (tmp_path / "run" / "table.md").read_text(encoding="utf-8")
    status, printed = run_here(capsys, *command, *["-m", f"perfect=files:{saved}"] * 2)
    assert (status, "perfect" in printed) == (1, True)


def test_runs_of_two_folders_go_to_two_folders(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two"):
        write_rooms(tmp_path / name, 1)
        given = ("--data", tmp_path / name, "--method", f"files:{tmp_path / name / 'depth'}")
        assert run_here(capsys, "evaluate", "folder", *given)[0] == 0
    runs = {path.parent.name for path in (tmp_path / "mfh_out").glob("*/run.json")}
    assert runs == {"eval_folder_one", "eval_folder_two"}


def test_saved_predictions_that_were_missing_or_broken_are_taken_later(capsys, tmp_path):
    data, saved = write_rooms(tmp_path / "data", 3), tmp_path / "saved"
    saved.mkdir()
    shutil.copy(data / "depth" / "room_0.npy", saved)
    (saved / "room_1.npy").write_bytes(b"no array")
    command = ("evaluate", "folder", "--data", data, "--out", tmp_path / "run")
    command += ("--method", f"files:{saved}")
    status, printed = run_here(capsys, *command)
    assert (status, "2 predictions failed; the same command tries again" in printed) == (1, True)
    for name in ("room_1.npy", "room_2.npy"):
        shutil.copy(data / "depth" / name, saved)
    status, printed = run_here(capsys, *command)
    assert (status, "2 predictions to make, 1 there already" in printed) == (0, True)
    # Saved predictions keep no records.
    assert "records" not in printed
    assert not (tmp_path / "run" / "work").exists()


def test_an_oracle_runs_with_the_settings_that_are_the_default(capsys, tmp_path):
    command = ("evaluate", "folder", "--data", write_rooms(tmp_path / "data", 1))
    command += ("--method", "simulated:oracle", "--errors", "none", "--out", tmp_path / "run")
    status, printed = run_here(capsys, *command)
    assert (status, f"share are in {tmp_path / 'run' / 'work'}" in printed) == (0, True)
    (row,) = json.loads((tmp_path / "run" / "summary.json").read_text())["rows"]
    assert row["means"]["abs_rel"]["value"] < 0.01


@pytest.mark.parametrize("command", [("evaluate", "folder", "--data", "."), ("score", ".")])
def test_fewer_threads_than_none_are_refused(capsys, command):
    status, printed = run_here(capsys, *command, "--jobs", "-1")
    assert status == 2
    assert "--jobs" in printed
    assert "Traceback" not in printed


def test_the_command_that_lists_missing_files_can_be_pasted(capsys, tmp_path):
    data_set = rooms(tmp_path / "my rooms")
    show_missing(data_set, {str(index): f"/there/{index}" for index in range(5)})
    root = Path(data_set.root)
    assert f'mfh evaluate folder --data "{root}" --check' in capsys.readouterr().err
