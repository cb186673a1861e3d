"""The user's own files in the place of stages: of a run, and of other tools."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import planted
import pytest
import trimesh
from PIL import Image

import mfh
from mfh.disparity import DisparityFiles
from mfh.errors import InputError, MissingPartError
from mfh.files.user_files import name_of_files
from mfh.painting import PaintedFiles
from mfh.parts import LearnedParts, parts_from
from mfh.people import PeopleFiles
from mfh.pipeline import MetricFromHuman
from mfh.progress import Progress
from mfh.records import People
from mfh.runs.record_files import write_people
from mfh.settings import Settings

SETTINGS = Settings(paintings=5, strip_min_ratio=0.4, target_error=0, head_method="silog")


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    world = planted.World(empty=[1])
    MetricFromHuman(world, world, world, settings=SETTINGS).run(planted.photo(), folder=folder)
    return folder


@pytest.fixture(scope="module")
def painted(run_folder):
    files = PaintedFiles(run_folder / "painted")
    plan = files.plan(planted.photo())
    images = np.stack(list(files.paint(planted.photo(), plan)))
    return mfh.PaintedPhotos(plan.repainted, plan.prompts, plan.seeds, plan.names, images=images)


@pytest.fixture(autouse=True)
def no_models(tmp_path, monkeypatch):
    monkeypatch.setenv("MFH_MODELS", str(tmp_path / "no models"))
    monkeypatch.setenv("MFH_OFFLINE", "1")


def use(run_folder):
    return {stage: run_folder / stage for stage in ("painted", "people", "disparity")}


def test_the_folders_of_a_run_give_its_depth_again(run_folder):
    depth = mfh.metric_depth(
        planted.photo().image, planted.camera().matrix, use=use(run_folder), head_method="silog"
    )
    np.testing.assert_allclose(depth.depth_m, planted.scene_depth(), rtol=1e-4)
    assert depth.counts.painted == 5
    assert dict(depth.counts.rejected) == {"nobody found": 1}
    assert depth.parts["painter"] == "files: painted"
    assert not depth.simulated


def test_prompts_and_seeds_come_back(painted):
    assert set(painted.prompts) <= {"a man", "a woman"}
    assert len(set(painted.seeds)) == 5
    assert painted.names[0] == "0000"


def test_settings_of_paintings_do_not_concern_files(run_folder, tmp_path):
    class Notes(Progress):
        def finish(self, stage, note):
            if stage not in ("depth", "results"):
                assert note == self.expected

    for seed, expected in ((0, "computed"), (1, "reused")):
        notes = Notes()
        notes.expected = expected
        mfh.metric_depth(
            planted.photo().image,
            planted.camera().matrix,
            use=use(run_folder),
            folder=tmp_path,
            progress=notes,
            seed=seed,
        )


def test_metric_depth_takes_a_path_and_a_json_camera(run_folder, tmp_path):
    Image.fromarray(planted.photo().image).save(tmp_path / "photo.png")
    k = planted.camera()
    (tmp_path / "K.json").write_text(json.dumps({"fx": k.fx, "fy": k.fy, "cx": k.cx, "cy": k.cy}))
    depth = mfh.metric_depth(
        tmp_path / "photo.png", tmp_path / "K.json", use=use(run_folder), head_method="log_l2"
    )
    np.testing.assert_allclose(depth.depth_m, planted.scene_depth(), rtol=1e-4)
    assert depth.camera.source == "given"
    assert depth.head.method == "log_l2"


def test_metric_depth_writes_results_and_issues_warnings(run_folder, tmp_path):
    with pytest.warns(UserWarning, match="--intrinsics"):
        depth = mfh.metric_depth(planted.photo().image, use=use(run_folder), folder=tmp_path)
    assert depth.camera.source == "assumed"
    for name in ("depth.npz", "depth.png", "points.ply", "summary.json", "painted"):
        assert (tmp_path / name).exists()


def test_missing_stages_are_named_with_what_stands_in_for_them(run_folder):
    image = planted.photo().image
    with pytest.raises(MissingPartError, match="Stable Diffusion 2") as caught:
        mfh.metric_depth(image)
    assert "--use painted=PATH --use people=PATH --use disparity=PATH" in str(caught.value)
    with pytest.raises(MissingPartError, match="Depth Anything") as caught:
        mfh.metric_depth(image, use={s: run_folder / s for s in ("painted", "people")})
    assert "give what those made: --use disparity=PATH\n" in str(caught.value)
    assert "docs/your_own_parts.md" in str(caught.value)
    assert "Stable Diffusion" not in str(caught.value)
    with pytest.raises(InputError, match="stage 'paint' is unknown"):
        mfh.metric_depth(image, use={"paint": run_folder})


def test_wrong_paths_are_named_while_other_stages_are_missing(run_folder, tmp_path):
    for given, message in (
        ({"painted": tmp_path / "absent"}, "absent: no such folder"),
        ({"people": tmp_path / "absent"}, "absent: no such folder"),
        ({"disparity": tmp_path / "absent"}, "absent: no such file or folder"),
    ):
        with pytest.raises(InputError, match=message):
            parts_from(LearnedParts(Settings()), given)


class SimulatedWorld(planted.World):
    name = "simulated: planted"


def test_what_was_simulated_stays_simulated(tmp_path):
    world = SimulatedWorld()
    MetricFromHuman(world, planted.World(), world, settings=SETTINGS).run(
        planted.photo(), folder=tmp_path / "first"
    )
    photo, matrix = planted.photo().image, planted.camera().matrix
    for earlier, later in (("first", "second"), ("second", "third")):
        given = use(tmp_path / earlier)
        depth = mfh.metric_depth(photo, matrix, use=given, folder=tmp_path / later)
        assert depth.simulated
        assert depth.parts["painter"] == "simulated, from files: painted"
        assert depth.parts["people"] == "files: people"
        assert depth.parts["disparity"] == "simulated, from files: disparity"


def test_files_of_a_simulated_run_are_known_by_its_run_file(run_folder, tmp_path, monkeypatch):
    folder = tmp_path / "disparity"
    folder.mkdir()
    np.save(folder / "all.npy", maps())
    run_file = tmp_path / "run.json"
    assert DisparityFiles(folder / "all.npy").name == "files: all.npy"
    run_file.write_text(json.dumps({"parts": {"disparity": "simulated: affine"}}))
    assert DisparityFiles(folder / "all.npy").name == "simulated, from files: all.npy"
    assert name_of_files(folder, "people") == "files: disparity"
    monkeypatch.chdir(folder)
    assert name_of_files(Path(), "disparity") == "simulated, from files: disparity"
    for damaged in ("{", "[]", "3", '{"parts": []}', '{"parts": {"disparity": 3}}'):
        run_file.write_text(damaged)
        assert DisparityFiles(folder).name == "files: disparity"


def test_a_run_with_fewer_painted_photos_than_before_gives_only_those(tmp_path):
    world = planted.World()
    for count in (5, 3):
        settings = replace(SETTINGS, paintings=count)
        MetricFromHuman(world, world, world, settings=settings).run(
            planted.photo(), folder=tmp_path
        )
    assert (tmp_path / "painted" / "0004.png").exists()
    assert PaintedFiles(tmp_path / "painted").names == ("0000", "0001", "0002")
    with pytest.warns(UserWarning, match="Only 3 people"):
        depth = mfh.metric_depth(
            planted.photo().image,
            planted.camera().matrix,
            use=use(tmp_path),
            head_method="silog",
        )
    assert depth.counts.painted == 3
    np.testing.assert_allclose(depth.depth_m, planted.scene_depth(), rtol=1e-4)


def test_surplus_people_are_only_ignored_in_a_run(run_folder, tmp_path):
    names = ["0000", "0001"]
    PeopleFiles(run_folder / "people", names)
    with pytest.raises(InputError, match="0000.npz, 0001.npz, 0002.npz match no painted photo"):
        PeopleFiles(run_folder / "people", ["anna"])
    shutil.copytree(run_folder / "people", tmp_path / "people")
    with pytest.raises(InputError, match="0002.npz, 0003.npz, 0004.npz match no painted photo"):
        PeopleFiles(tmp_path / "people", names)
    (tmp_path / "run.json").write_text("{}")
    (tmp_path / "people" / "stranger.obj").write_text("")
    with pytest.raises(InputError, match=r"people: stranger\.obj matches no painted photo"):
        PeopleFiles(tmp_path / "people", names)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["0000", "0007"], r"lists 0007, but there is no 0007\.png"),
        ([], "lists no names"),
        (["0000", "0000"], "lists a name twice"),
        (7, "expected lists names, prompts and seeds"),
    ],
)
def test_a_wrong_list_of_painted_photos_is_refused(run_folder, tmp_path, names, message):
    shutil.copytree(run_folder / "painted", tmp_path / "painted")
    rest = [1] * len(names) if isinstance(names, list) else names
    described = {"names": names, "prompts": rest, "seeds": rest}
    (tmp_path / "painted" / "painted.json").write_text(json.dumps(described))
    with pytest.raises(InputError, match=message):
        PaintedFiles(tmp_path / "painted")


def test_listed_painted_photos_come_in_the_order_of_the_list(run_folder, tmp_path):
    shutil.copytree(run_folder / "painted", tmp_path / "painted")
    described = {"names": ["0003", "0001"], "prompts": ["c", "a"], "seeds": [3, 1]}
    (tmp_path / "painted" / "painted.json").write_text(json.dumps(described))
    plan = PaintedFiles(tmp_path / "painted").plan(planted.photo())
    whole = PaintedFiles(run_folder / "painted").plan(planted.photo())
    assert (plan.names, plan.prompts, plan.seeds) == (("0003", "0001"), ("c", "a"), (3, 1))
    np.testing.assert_array_equal(plan.repainted, whole.repainted[[3, 1]])


def test_a_changed_file_is_noticed(run_folder, tmp_path):
    first = PaintedFiles(run_folder / "painted").fingerprint
    for path in (run_folder / "painted").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert PaintedFiles(tmp_path).fingerprint == first
    Image.new("RGB", (planted.WIDTH, planted.HEIGHT)).save(tmp_path / "0002.png")
    assert PaintedFiles(tmp_path).fingerprint != first


def test_painted_photos_of_another_size_are_resized(run_folder, tmp_path):
    for path in (run_folder / "painted").glob("*.png"):
        image = Image.open(path)
        image.resize((2 * planted.WIDTH, 2 * planted.HEIGHT), Image.Resampling.NEAREST).save(
            tmp_path / path.name
        )
    plan = PaintedFiles(tmp_path).plan(planted.photo())
    assert plan.repainted.shape == (5, planted.HEIGHT, planted.WIDTH)
    np.testing.assert_array_equal(
        plan.repainted, PaintedFiles(run_folder / "painted").plan(planted.photo()).repainted
    )


def test_painted_photos_need_their_masks(tmp_path):
    Image.new("RGB", (128, 96)).save(tmp_path / "one.png")
    with pytest.raises(
        InputError, match=r": 1 painted photo without a mask, one\.png; it needs one_repainted\.png"
    ):
        PaintedFiles(tmp_path)
    Image.new("RGB", (128, 96)).save(tmp_path / "two.png")
    with pytest.raises(InputError, match=r"2 painted photos .* e\.g\. one\.png; each needs one_"):
        PaintedFiles(tmp_path)
    (tmp_path / "two.png").unlink()
    (tmp_path / "one.png").rename(tmp_path / "one_repainted.png")
    with pytest.raises(InputError, match="holds masks alone"):
        PaintedFiles(tmp_path)
    (tmp_path / "one_repainted.png").unlink()
    with pytest.raises(InputError, match="no such folder"):
        PaintedFiles(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no painted photos"):
        PaintedFiles(tmp_path / "empty")


def test_a_painted_photo_cannot_have_the_name_of_another_or_of_the_photo(tmp_path):
    for name in ("photo", "photo_repainted"):
        Image.new("L", (128, 96)).save(tmp_path / f"{name}.png")
    with pytest.raises(InputError, match="cannot be named 'photo', as the photo itself is"):
        PaintedFiles(tmp_path)
    for path in list(tmp_path.iterdir()):
        path.rename(path.with_name(path.name.replace("photo", "one")))
    Image.new("L", (128, 96)).save(tmp_path / "one.jpg")
    with pytest.raises(InputError, match="cannot be named 'one', as another one is"):
        PaintedFiles(tmp_path)


def test_painted_photos_of_another_aspect_are_refused(tmp_path):
    for name in ("one", "one_repainted"):
        Image.new("L", (100, 100), 255).save(tmp_path / f"{name}.png")
    with pytest.raises(InputError, match="100 x 100 px, but the photo is 128 x 96 px"):
        PaintedFiles(tmp_path).plan(planted.photo())


@pytest.mark.parametrize("suffix", ["obj", "ply"])
def test_meshes_of_other_tools(painted, tmp_path, suffix):
    k = planted.camera()
    for index, person in ((0, 0), (0, 1), (3, None)):
        vertices, faces = planted.box(k, 20 + 40 * (person or 0), 2.0)
        ending = "" if person is None else f"_{person}"
        trimesh.Trimesh(vertices, faces, process=False).export(
            tmp_path / f"{painted.names[index]}{ending}.{suffix}"
        )
    people = list(PeopleFiles(tmp_path).measure(planted.photo(), painted))
    assert [len(p) for p in people] == [2, 0, 0, 1, 0]
    np.testing.assert_allclose(people[0].vertices_m[0], planted.box(k, 20, 2.0)[0], atol=1e-6)
    np.testing.assert_allclose(people[0].box_px[1], [60, 0.2 * 96, 92, 0.8 * 96], atol=1e-3)
    assert people[0].mask.all()


def test_npz_with_vertices_and_faces_alone(painted, tmp_path):
    vertices, faces = planted.box(planted.camera(), 20, 2.0)
    np.savez(tmp_path / "0002.npz", vertices_m=vertices, faces=faces)
    people = list(PeopleFiles(tmp_path).measure(planted.photo(), painted))
    assert [len(p) for p in people] == [0, 0, 1, 0, 0]


def test_arrays_of_a_single_person_need_no_first_dimension(painted, tmp_path):
    mask = np.zeros((planted.HEIGHT, planted.WIDTH), bool)
    mask[20:70, 30:50] = True
    arrays = person(mask=mask, score=np.float32(0.7), box_px=np.array([30, 20, 50, 70]))
    np.savez(tmp_path / "0002.npz", **arrays)
    found = list(PeopleFiles(tmp_path).measure(planted.photo(), painted))[2]
    np.testing.assert_array_equal(found.mask, mask[None])
    np.testing.assert_array_equal(found.box_px, [[30, 20, 50, 70]])
    np.testing.assert_allclose(found.score, [0.7], rtol=1e-6)


def test_errors_and_refusals_are_read(painted, tmp_path):
    np.savez(tmp_path / "0002_0.npz", **person(relative_error=0.2, refused=np.array(["sits"])))
    np.savez(tmp_path / "0002_1.npz", **person())
    np.savez(
        tmp_path / "0003.npz",
        vertices_m=np.zeros((0, 4, 3)),
        faces=person()["faces"],
        refused=np.array(["is too small", "is cut off"]),
    )
    people = list(PeopleFiles(tmp_path).measure(planted.photo(), painted))
    np.testing.assert_array_equal(people[2].relative_error, np.float32([0.2, np.nan]))
    assert people[2].refused == ("sits",)
    assert (len(people[3]), people[3].refused) == (0, ("is too small", "is cut off"))
    assert people[0].refused == ()


def test_what_a_run_knows_of_errors_and_refusals_is_read_from_its_folder(painted, tmp_path):
    vertices_m, faces = planted.box(planted.camera(), 20, 2.0)
    shape = (planted.HEIGHT, planted.WIDTH)
    people = People(
        vertices_m[None],
        faces,
        np.ones((1, *shape), np.bool_),
        np.zeros((1, 4)),
        np.ones(1, np.float32),
        relative_error=[0.2],
        refused=("is cut off",),
    )
    write_people(tmp_path, "0002", people)
    write_people(tmp_path, "0003", People.nobody(*shape, ["sits"]))
    read = list(PeopleFiles(tmp_path).measure(planted.photo(), painted))
    assert (read[2].relative_error.tolist(), read[2].refused) == (
        [np.float32(0.2)],
        ("is cut off",),
    )
    assert (len(read[3]), read[3].refused) == (0, ("sits",))


def test_meshes_of_the_only_painted_photo(tmp_path):
    np.savez(tmp_path / "bert.npz", **person())
    with pytest.raises(InputError, match="the painted photo is anna, so a mesh is named anna.obj"):
        PeopleFiles(tmp_path, ["anna"])


def person(**changes):
    vertices, faces = planted.box(planted.camera(), 20, 2.0)
    return {"vertices_m": vertices, "faces": faces, **changes}


@pytest.mark.parametrize(
    ("name", "arrays", "message"),
    [
        ("stranger", person(), "matches no painted photo; the painted photos are 0000 ... 0004"),
        ("0000", {"vertices": np.zeros((3, 3))}, "expected vertices_m"),
        ("0000", person(faces=np.array([[0, 1, 9]])), "faces refer to vertices 0..9"),
        ("0000", person(vertices_m=np.full((4, 3), np.nan)), "NaN"),
        ("0000", person(vertices_m=np.zeros((4, 2))), r"expected \(P, V, 3\)"),
        ("0000", person(mask=np.ones((1, 50, 50), bool)), "50 x 50 px, but the photo is 128 x 96"),
        ("0000", person(mask=np.ones((2, 96, 128), bool)), r"expected \(1, H, W\)"),
        (
            "0000",
            person(vertices_m=1000 * planted.box(planted.camera(), 20, 2.0)[0]),
            r"0000\.npz: person 0 is 1\d\d\d m long; meshes are in metres.* millimetres by 1000",
        ),
        (
            "0000",
            person(vertices_m=planted.box(planted.camera(), 20, 2.0)[0] / 1000),
            r"person 0 is 0\.001\d* m long",
        ),
        ("0000", person(relative_error=0.0), r"0000\.npz: people: relative_error \[0\.0\]"),
        ("0000", person(relative_error=np.ones(2)), r"2 relative_error for 1 entries"),
        ("0000", person(refused=np.ones(2)), r"refused is \(2,\) float64; expected \(R,\) texts"),
        ("0000", person(mask=np.ones((50, 50), bool)), "50 x 50 px, but the photo is 128 x 96"),
        (
            "0000",
            person(vertices_m=-planted.box(planted.camera(), 20, 2.0)[0]),
            "behind the camera",
        ),
    ],
)
def test_meshes_that_cannot_be_used_are_refused(painted, tmp_path, name, arrays, message):
    np.savez(tmp_path / f"{name}.npz", **arrays)
    with pytest.raises(InputError, match=message):
        list(PeopleFiles(tmp_path, painted.names).measure(planted.photo(), painted))


def test_the_rest_of_the_painted_photos_can_be_measured_alone(run_folder, painted):
    files = PeopleFiles(run_folder / "people", painted.names)
    whole = list(files.measure(planted.photo(), painted))
    rest = list(files.measure(planted.photo(), painted.rest(3)))
    assert len(rest) == 2
    for one, other in zip(rest, whole[3:]):
        np.testing.assert_array_equal(one.vertices_m, other.vertices_m)


def test_what_cannot_be_read_is_named(run_folder, tmp_path):
    (tmp_path / "0002.npz").mkdir()
    with pytest.raises(InputError, match=r"0002\.npz: cannot be read"):
        _ = PeopleFiles(tmp_path).fingerprint


def test_damaged_mesh_files_are_named(painted, tmp_path):
    for name, content in (("0000.obj", b"v 1 2"), ("0001.npz", b"PK nonsense")):
        folder = tmp_path / name.replace(".", "_")
        folder.mkdir()
        (folder / name).write_bytes(content)
        with pytest.raises(InputError, match=name):
            list(PeopleFiles(folder).measure(planted.photo(), painted))


def test_pickles_are_not_read(painted, tmp_path):
    np.savez(tmp_path / "0000.npz", vertices_m=np.array([{}], dtype=object))
    with pytest.raises(InputError, match="plain arrays"):
        list(PeopleFiles(tmp_path).measure(planted.photo(), painted))


def test_people_of_one_photo_share_their_faces(painted, tmp_path):
    vertices, faces = planted.box(planted.camera(), 20, 2.0)
    np.savez(tmp_path / "0000_0.npz", vertices_m=vertices, faces=faces)
    np.savez(tmp_path / "0000_1.npz", vertices_m=vertices, faces=faces[:1])
    with pytest.raises(InputError, match=r"0000_1\.npz: its faces differ"):
        list(PeopleFiles(tmp_path).measure(planted.photo(), painted))


def maps(count=6, height=planted.HEIGHT, width=planted.WIDTH):
    rng = np.random.default_rng(0)
    return rng.uniform(1, 9, (count, height, width)).astype(np.float32)


def estimated(path, painted, **options):
    images = painted.with_photo(planted.photo())
    found = DisparityFiles(path, **options).estimate(planted.photo(), images)
    return np.concatenate([each.values for each in found])


def test_disparity_in_every_format(painted, tmp_path):
    values = maps()
    np.save(tmp_path / "all.npy", values)
    np.savez(tmp_path / "all.npz", photo=values[0], painted=values[1:])
    np.savez(tmp_path / "one.npz", values)
    folder = tmp_path / "folder"
    folder.mkdir()
    np.save(folder / "photo.npy", values[0])
    for name, value in zip(painted.names, values[1:]):
        np.savez(folder / f"{name}.npz", depth=value[None])
    by_name = dict(zip(("photo", *painted.names), values))
    np.savez(tmp_path / "named.npz", **by_name, space="disparity")
    for name in ("all.npy", "all.npz", "one.npz", "named.npz", "folder"):
        path = tmp_path / name
        np.testing.assert_array_equal(estimated(path, painted), values)

    pngs = tmp_path / "pngs"
    pngs.mkdir()
    units = (values * 1000).astype(np.uint16)
    for name, value in zip(("photo", *painted.names), units):
        Image.fromarray(value).save(pngs / f"{name}.png")
    np.testing.assert_array_equal(estimated(pngs, painted), units)


def test_disparity_of_another_size_is_resized_about_pixel_centres(painted, tmp_path):
    fine = np.broadcast_to(np.arange(2 * planted.WIDTH) + 0.5, (6, 2 * planted.HEIGHT, 256))
    np.save(tmp_path / "fine.npy", fine)
    found = estimated(tmp_path / "fine.npy", painted)
    expected = 2 * (np.arange(planted.WIDTH) + 0.5)
    np.testing.assert_allclose(found[0, 5, 2:-2], expected[2:-2], rtol=1e-5)


def test_disparity_may_be_depth(painted, tmp_path):
    np.save(tmp_path / "all.npy", maps())
    files = DisparityFiles(tmp_path / "all.npy", "depth")
    images = painted.with_photo(planted.photo())
    assert {each.space for each in files.estimate(planted.photo(), images)} == {"depth"}
    assert files.fingerprint["space"] == "depth"


def test_a_file_that_says_what_it_holds_is_believed(painted, tmp_path):
    for name, values in zip(("photo", *painted.names), maps()):
        np.savez(tmp_path / f"{name}.npz", values=values[None], space="depth")
    with pytest.raises(InputError, match="says that it holds depth, but is given as disparity"):
        estimated(tmp_path, painted)
    np.testing.assert_array_equal(estimated(tmp_path, painted, space="depth"), maps())


def test_a_stack_can_be_read_in_parts(painted, tmp_path):
    np.save(tmp_path / "all.npy", maps())
    np.savez(tmp_path / "named.npz", **dict(zip(("photo", *painted.names), maps())))
    for name in ("all.npy", "named.npz"):
        files = DisparityFiles(tmp_path / name, names=painted.names)
        rest = painted.with_photo(planted.photo()).rest(4)
        found = [each.values[0] for each in files.estimate(planted.photo(), rest)]
        np.testing.assert_array_equal(found, maps()[4:])


def test_a_stack_by_names_says_what_it_lacks_and_holds(painted, tmp_path):
    by_name = dict(zip(("photo", *painted.names[:2]), maps()))
    np.savez(tmp_path / "named.npz", **by_name)
    with pytest.raises(InputError, match=r"no map for 3 of 6 images, e\.g\. 0002; name one photo"):
        estimated(tmp_path / "named.npz", painted)
    np.savez(tmp_path / "named.npz", **by_name, space="depth")
    with pytest.raises(InputError, match="says that it holds depth, but is given as disparity"):
        estimated(tmp_path / "named.npz", painted)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (maps(1)[0], r"expected the photo's map and one for each of 5 painted photos"),
        (maps(4), r"\(4, 96, 128\)"),
        (maps(6, 50, 50), "50 x 50 px, but the photo is 128 x 96 px"),
        (np.where(maps() > 8.9, np.nan, maps()), "NaN or infinite"),
        (maps().astype("U8"), "expected numbers"),
    ],
)
def test_disparity_of_the_wrong_shape_is_refused(painted, tmp_path, values, message):
    np.save(tmp_path / "wrong.npy", values)
    with pytest.raises(InputError, match=message):
        estimated(tmp_path / "wrong.npy", painted)


def test_a_map_of_the_photo_alone(painted, tmp_path):
    alone = painted.rest(5).with_photo(planted.photo())
    for stack in (maps(1), maps(1)[0]):
        np.save(tmp_path / "photo.npy", stack)
        (found,) = DisparityFiles(tmp_path / "photo.npy").estimate(planted.photo(), alone)
        np.testing.assert_array_equal(found.values, maps(1))
    np.save(tmp_path / "photo.npy", maps(3))
    with pytest.raises(InputError, match=r"\(3, 96, 128\); expected the photo's map, \(1, 96, 128"):
        list(DisparityFiles(tmp_path / "photo.npy").estimate(planted.photo(), alone))


def test_disparity_folders_name_what_they_lack(painted, tmp_path):
    with pytest.raises(InputError, match="no such file or folder"):
        DisparityFiles(tmp_path / "absent")
    np.save(tmp_path / "0000.npy", maps()[1])
    with pytest.raises(InputError, match=r"no map for 5 of 6 images, e\.g\. photo\.npy"):
        estimated(tmp_path, painted)
    np.save(tmp_path / "photo.npy", maps()[0])
    with pytest.raises(InputError, match=r"no map for 4 of 6 images, e\.g\. 0001"):
        estimated(tmp_path, painted)
    for name in painted.names:
        np.save(tmp_path / f"{name}.npy", maps()[1])
    Image.new("RGB", (128, 96)).save(tmp_path / "photo.png")
    (tmp_path / "photo.npy").unlink()
    with pytest.raises(InputError, match="in colours.*expected 16-bit grey"):
        estimated(tmp_path, painted)
