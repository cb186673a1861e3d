"""The paper's tables as rows: what each runs, and what the paper says of it."""

from __future__ import annotations

import pickle

import pytest

from mfh.errors import MissingPartError, SettingsError
from mfh.evaluation.methods.ablations import ABLATIONS, ablation
from mfh.evaluation.methods.mfh_specs import MfhSpec, OracleSpec, mfh_spec
from mfh.evaluation.methods.painting_key import depended_on, name_of_paintings
from mfh.evaluation.tables.published import PRINTED
from mfh.models import ModelStore, find_model, needed
from mfh.part_settings import PeopleSettings
from mfh.settings import Settings, settings_from


def spec_of(variant, settings, meshes, regressor):
    text = f"mfh:{variant}" if variant else "mfh"
    return mfh_spec(text, settings, meshes=meshes, regressor=regressor)


def rows(name, **options):
    made = ablation(name).runnable(spec_of, **{"data_set": "nyu", **options})
    return {row.key: row for row in made}


ALL = [(each.name, key, row) for each in ABLATIONS for key, row in rows(each.name).items()]

# Rows of which not every figure is printed, or can be read with certainty.
NOT_ALL_READ = {
    ("table4", "no-alignment-true"): {"delta1", "rmse"},
    ("table4", "scale-only-painted"): set(),
    ("table4", "offset-only-painted"): {"delta1", "rmse"},
    ("figure5", "n8"): set(),
    ("figure5", "n16"): set(),
}


def test_every_row_of_the_paper_is_there():
    counts = {each.name: len(each.rows) for each in ABLATIONS}
    assert counts == {
        "table3": 12,
        "table4": 8,
        "table5": 4,
        "table7": 6,
        "table8": 3,
        "table9": 3,
        "figure5": 4,
    }
    assert [each.seeds for each in ABLATIONS] == [1, 1, 1, 1, 1, 1, 5]
    paintings = {
        name: {row.spec.settings.paintings for n, _, row in ALL if n == name} for name in counts
    }
    assert paintings == {
        **{name: {4} for name in ("table3", "table4", "table5", "table7")},
        **{name: {32} for name in ("table8", "table9")},
        "figure5": {4, 8, 16, 32},
    }


@pytest.mark.parametrize(("table", "key", "row"), ALL, ids=[f"{t}-{k}" for t, k, _ in ALL])
def test_rows_change_the_papers_preset(table, key, row):
    settings = row.spec.settings
    assert settings.head_method == "silog" or table == "table5"
    assert (settings.photo_people, settings.painter.paste_back) == ("repeated", False)
    assert settings.people.model == "hmr2"
    needed(settings, ModelStore())  # every model is known
    assert pickle.loads(pickle.dumps(row.spec)) == row.spec
    assert row.label and row.group
    assert set(row.published) == NOT_ALL_READ.get((table, key), set(PRINTED))
    assert 0 <= row.published.get("delta1", 0) <= 1


def test_figures_are_those_published():
    def of(table, key):
        return rows(table)[key].published

    mfh_4 = {"delta1": 0.668, "abs_rel": 0.219, "silog": 15.2, "rmse": 0.792}
    oracle = {"delta1": 0.979, "abs_rel": 0.0457, "silog": 6.68, "rmse": 0.222}
    mfh_32 = {"delta1": 0.832, "abs_rel": 0.137, "silog": 9.78, "rmse": 0.487}
    assert of("table3", "depth-anything-painted-disparity") == mfh_4
    assert of("table4", "all-painted") == of("table5", "silog") == mfh_4
    assert of("table7", "widths-0.2-0.8") == of("figure5", "n4") == mfh_4
    assert of("table3", "depth-anything-true-disparity") == of("table4", "all-true") == oracle
    assert of("table8", "sd2-inpainting") == of("table9", "hmr2") == of("figure5", "n32") == mfh_32
    assert of("table8", "sd15-inpainting")["abs_rel"] == 0.168
    assert of("table9", "tokenhmr")["delta1"] == 0.804
    assert of("table4", "scale-only-painted") == {}, "not to be read with certainty"


def test_table3_fits_in_the_space_of_the_target():
    table = rows("table3")
    assert {row.spec.settings.disparity.model for row in table.values()} == {
        "zoedepth",
        "marigold",
        "depth-anything-large",
    }
    for key, row in table.items():
        assert key.endswith(row.spec.settings.head_space)
        assert isinstance(row.spec, OracleSpec if "-true-" in key else MfhSpec)
        assert row.spec.needs_truth == ("-true-" in key)


def test_table4_leaves_out_what_it_says():
    found = {
        key: (row.spec.settings.align, row.spec.settings.fit_scale, row.spec.settings.fit_offset)
        for key, row in rows("table4").items()
        if key.endswith("painted")
    }
    assert found == {
        "no-alignment-painted": (False, True, True),
        "scale-only-painted": (True, True, False),
        "offset-only-painted": (True, False, True),
        "all-painted": (True, True, True),
    }


def test_rows_share_paintings_where_they_can():
    def names(*tables):
        found = [row for t in tables for row in rows(t).values() if isinstance(row.spec, MfhSpec)]
        return {name_of_paintings(row.spec.settings) for row in found}

    assert len(names("table3", "table4", "table5", "table9", "figure5")) == 1
    assert len(names("table7")) == 6
    assert len(names("table8")) == 3
    other = rows("table5", changes={"painter.steps": 20})["silog"].spec.settings
    assert name_of_paintings(other) not in names("table5")
    fewer_at_once = rows("table5", changes={"painter.batch": 2})["silog"].spec.settings
    assert name_of_paintings(fewer_at_once) in names("table5")


def test_a_user_may_change_what_is_not_compared():
    found = rows("table3", changes={"paintings": 2, "painter.steps": 10}).values()
    assert {(row.spec.settings.paintings, row.spec.settings.painter.steps) for row in found} == {
        (2, 10)
    }
    with pytest.raises(SettingsError, match="paintings is given, but it is what the rows of fig"):
        rows("figure5", changes={"paintings": 2})
    with pytest.raises(SettingsError, match="did you mean 'table3'"):
        ablation("table33")


@pytest.mark.parametrize(
    "otherwise",
    [
        {"data_set": "kitti"},
        {"preset": "default"},
        {"changes": {"paintings": 2}},
        {"changes": {"painter.steps": 10}},
        {"changes": {"people.model": "anny"}},
    ],
    ids=str,
)
def test_the_papers_figures_stand_beside_what_the_paper_did_alone(otherwise):
    assert not any(row.published for row in rows("table5", **otherwise).values())


def test_the_papers_figures_stay_where_nothing_that_counts_is_changed():
    changes = {"painter.batch": 2, "device": "cpu", "seed": 7, "paintings": 4}
    assert all(row.published for row in rows("table5", changes=changes).values())


def test_what_auto_is_here_is_what_is_run_and_recorded(monkeypatch, tmp_path):
    """Machines that take part in a run may differ in what is on them."""
    monkeypatch.setenv("MFH_MODELS", str(tmp_path))
    without = mfh_spec("mfh")
    assert without.settings.people.model == "anny"
    ModelStore().add(find_model("smpl"), "SMPL.pkl", lambda _, to: to.write_bytes(b"smpl"))
    assert mfh_spec("mfh") == mfh_spec("mfh", settings_from(**{"people.model": "hmr2"}))
    assert without.as_dict() != mfh_spec("mfh").as_dict()
    assert without.as_dict()["settings"] == depended_on(without.settings)
    for preset in ("paper", "default"):
        assert rows("table9", preset=preset)["hmr2"].spec.settings.people.model == "hmr2"


def test_only_settings_of_the_measurer_in_use_count():
    def counted(**people):
        return depended_on(Settings(people=PeopleSettings(**people)))["people"]

    assert set(counted(model="hmr2")) - set(counted(model="anny")) == {"body_model"}
    assert set(counted(model="anny")) - set(counted(model="hmr2")) == {"keypoints"}


def test_meshes_of_other_regressors_are_the_users():
    row = rows("table9")["tokenhmr"]
    with pytest.raises(MissingPartError, match="measured by TokenHMR, which is not part of mfh"):
        row.spec.make()
    given = rows("table9", meshes={"tokenhmr": "/meshes"})["tokenhmr"].spec
    assert given.learned == ("painted", "disparity")
    assert given.as_dict()["people_from"] == "/meshes"
    with pytest.raises(
        SettingsError, match="row 'hmr2' takes no meshes; rows that take them: hmar"
    ):
        rows("table9", meshes={"hmr2": "/meshes"})
