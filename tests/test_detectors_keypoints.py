import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from tiny_detector import blocks, tiny_network, write_tiny_mask_rcnn
from tiny_keypoints import PlantedKeypoints, tiny_keypoint_network, write_tiny_keypoint_rcnn
from torchvision.models.detection import (
    KeypointRCNN_ResNet50_FPN_Weights,
    keypointrcnn_resnet50_fpn,
)
from torchvision.ops import MultiScaleRoIAlign
from torchvision.ops.misc import FrozenBatchNorm2d

from mfh.errors import InputError, NotEnoughMemoryError
from mfh.models.weights import Weights
from mfh.part_settings import PeopleSettings
from mfh.people import KeypointDetector
from mfh.people.detection import KEYPOINTS, Detections
from mfh.people.detectors import KeypointRCNN, MaskRCNN
from mfh.people.detectors.keypoint_rcnn import keypoint_rcnn_network, keypoint_score

CELLS = 56
PUBLISHED = KeypointRCNN_ResNet50_FPN_Weights.COCO_V1


def people_in(image, boxes):
    """Detections whose masks fill their boxes."""
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    mask = np.zeros((len(boxes), *image.shape[:2]), np.bool_)
    for each, (x0, y0, x1, y1) in zip(mask, boxes.astype(int)):
        each[y0:y1, x0:x1] = True
    return Detections(mask, boxes, np.linspace(0.9, 0.6, len(boxes), dtype=np.float32))


def planted_keypoints(folder, planted, network=PlantedKeypoints, **settings):
    """A part whose network gives the heat maps that `planted` says."""
    torch.save(network(planted).state_dict(), folder / KeypointRCNN.file)
    return KeypointRCNN(
        Weights.local(folder),
        PeopleSettings(**settings),
        device="cpu",
        network=lambda: network(planted),
    )


@pytest.fixture(scope="module")
def tiny_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny keypoint r-cnn")
    write_tiny_keypoint_rcnn(folder)
    return folder


def tiny_keypoints(folder, *, precision="auto", **settings):
    return KeypointRCNN(
        Weights.local(folder),
        PeopleSettings(**settings),
        device="cpu",
        precision=precision,
        network=tiny_keypoint_network,
    )


def torchvisions_own(folder, image):
    """What the whole network finds in an image by itself, and its heat maps."""
    network = tiny_keypoint_network().eval()
    network.load_state_dict(torch.load(folder / KeypointRCNN.file, weights_only=True))
    heatmaps = []
    network.roi_heads.keypoint_predictor.register_forward_hook(
        lambda module, inputs, output: heatmaps.append(output)
    )
    with torch.inference_mode():
        (found,) = network([torch.tensor(image).permute(2, 0, 1) / 255])
    return {name: tensor.numpy() for name, tensor in found.items()}, heatmaps[0]


@pytest.mark.parametrize("size", [(240, 320), (400, 240), (93, 131)])
def test_the_same_as_torchvision_in_its_own_boxes(tiny_folder, size):
    image = blocks(3, 400, 400)[: size[0], : size[1]]
    theirs, heatmaps = torchvisions_own(tiny_folder, image)
    assert len(theirs["boxes"]) >= 3
    found = people_in(image, theirs["boxes"])
    (ours,) = tiny_keypoints(tiny_folder).keypoints([image], [found])
    np.testing.assert_allclose(ours.keypoints_px, theirs["keypoints"][..., :2], atol=1e-2)
    assert ours.keypoint_score == pytest.approx(
        expected_similarity(heatmaps, found, theirs["keypoints"][..., :2]), abs=1e-3
    )
    # They are not all in one place, nor are all of them sure.
    assert len(np.unique(ours.keypoints_px.reshape(-1, 2), axis=0)) > 17
    assert np.ptp(ours.keypoint_score) > 0.2
    assert (ours.keypoints_px.dtype, ours.keypoint_score.dtype) == (np.float32, np.float32)
    assert (ours.mask, ours.box_px, ours.score) == (found.mask, found.box_px, found.score)


def expected_similarity(heatmaps, found, keypoints_px):
    """COCO's object keypoint similarity, averaged over the heat maps, term by term."""
    sigma = np.array([26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89]) / 1000
    scores = np.empty(keypoints_px.shape[:2])
    cell = (np.arange(CELLS) + 0.5) / CELLS
    for person, (x0, y0, x1, y1) in enumerate(found.box_px):
        x, y = np.meshgrid(x0 + cell * (x1 - x0), y0 + cell * (y1 - y0))
        for i, (u, v) in enumerate(keypoints_px[person]):
            probability = np.exp(heatmaps[person, i].double().numpy())
            similarity = np.exp(
                -((x - u) ** 2 + (y - v) ** 2)
                / (2 * found.mask[person].sum() * (2 * sigma[i]) ** 2)
            )
            scores[person, i] = (probability / probability.sum() * similarity).sum()
    return scores


def peaks(places, spread=0.04):
    """Heat maps (P, 17, S, S) of Gaussians at places (P, 17, 2), in fractions of the box."""
    cell = torch.arange(CELLS) / CELLS + 0.5 / CELLS
    x, y = torch.as_tensor(places, dtype=torch.float32).unbind(-1)
    squared = (cell - x[..., None])[..., None, :] ** 2 + (cell - y[..., None])[..., None] ** 2
    return -squared / (2 * spread**2)


@pytest.mark.parametrize("size", [(300, 400), (200, 200), (480, 250), (90, 120), (1001, 777)])
def test_planted_keypoints_are_found_to_a_fraction_of_a_pixel(tmp_path, size):
    share = np.array([[0.1, 0.12, 0.37, 0.9], [0.45, 0.31, 0.95, 0.68], [0.3, 0, 0.7, 1]])
    places = np.random.default_rng(0).uniform(0.1, 0.9, (3, 17, 2))
    image = np.zeros((*size, 3), np.uint8)
    found = people_in(image, share * np.tile(size[::-1], 2))
    (located,) = planted_keypoints(tmp_path, lambda boxes, size: peaks(places)).keypoints(
        [image], [found]
    )
    corner, extent = found.box_px[:, None, :2], np.diff(found.box_px.reshape(3, 2, 2), axis=1)
    # Peaks are looked for among the network's own pixels, in heat maps brought to these.
    network_px = min(size) / 200
    errors_px = located.keypoints_px - (corner + places * extent)
    assert (np.abs(errors_px) < 0.5 * network_px + 0.2 * extent / CELLS).all()
    assert np.abs(errors_px.mean(axis=(0, 1))).max() < 0.12 * network_px
    assert located.keypoint_score.min() > 0.4


class Seeing(PlantedKeypoints):
    """Looks at the image itself: one heat map of its redness, one of its blueness."""

    def __init__(self, planted):
        super().__init__(planted)
        self.backbone = Levels()
        self.roi_heads.keypoint_roi_pool = MultiScaleRoIAlign(["0"], CELLS, sampling_ratio=2)
        self.roi_heads.keypoint_predictor = Colours()


class Levels(torch.nn.Module):
    def forward(self, images):
        return {"0": images}


class Colours(torch.nn.Module):
    def forward(self, pooled):
        return pooled[:, [0] * 8 + [2] * 9]


def test_what_is_seen_is_found_where_it_is(tmp_path):
    """A red and a blue spot in each of two boxes, in images of different sizes."""
    keypoints = planted_keypoints(tmp_path, None, Seeing)
    for height, width in [(200, 300), (320, 200), (500, 500)]:
        spots = np.array([[[0.2, 0.3], [0.3, 0.6]], [[0.6, 0.7], [0.85, 0.5]]]) * [width, height]
        x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
        image = np.zeros((height, width, 3))
        for red, blue in spots:
            for channel, (u, v) in ((0, red), (2, blue)):
                image[..., channel] += 250 * np.exp(-((x - u) ** 2 + (y - v) ** 2) / 200)
        boxes = np.array([[0.1, 0.2, 0.45, 0.8], [0.5, 0.3, 0.95, 0.9]])
        image = image.astype(np.uint8)
        found = people_in(image, boxes * np.tile([width, height], 2))
        (located,) = keypoints.keypoints([image], [found])
        network_px = min(height, width) / 200
        # Region pooling reads its features half a pixel off, which training makes up for.
        np.testing.assert_allclose(
            located.keypoints_px[:, [0, 16]], spots, atol=1.5 * network_px + 0.5
        )


def scored(heatmaps, place=(0.5, 0.5), box=(10, 20, 110, 220), area=10_000):
    place_px = torch.tensor(box[:2]) + torch.tensor(place) * torch.tensor([100.0, 200.0])
    (scores,) = keypoint_score(
        heatmaps, torch.tensor([box]).float(), place_px.expand(1, 17, 2), torch.tensor([area])
    ).numpy()
    return dict(zip(KEYPOINTS, scores, strict=True))


def test_a_sure_keypoint_scores_one_and_far_from_it_nothing():
    heatmaps = torch.full((1, 17, CELLS, CELLS), -50.0)
    heatmaps[..., 20, 30] = 50
    there = (30.5 / CELLS, 20.5 / CELLS)
    assert list(scored(heatmaps, there).values()) == pytest.approx([1] * 17)
    assert max(scored(heatmaps, (0.95, 0.05)).values()) < 0.02


def test_as_sure_as_annotators():
    """Their squared distance from the truth is sigma^2 area on average, and k = 2 sigma."""
    for name, sigma in (("left shoulder", 0.079), ("left hip", 0.107), ("left ankle", 0.089)):
        per_axis_px = sigma * 100 / np.sqrt(2)
        cell = (torch.arange(CELLS) + 0.5) / CELLS - 0.5
        squared_px = (cell * 100)[None] ** 2 + (cell * 200)[:, None] ** 2
        heatmap = -squared_px / (2 * per_axis_px**2)
        assert scored(heatmap.expand(1, 17, -1, -1))[name] == pytest.approx(8 / 9, abs=0.003)


def test_doubt_lowers_the_score():
    def at(*places):
        return torch.stack([peaks(np.tile(p, (1, 17, 1)), 0.01) for p in places]).logsumexp(0)

    sure = scored(at((0.5, 0.5)))
    torn = scored(at((0.5, 0.5), (0.5, 0.1)))
    everywhere = scored(torch.zeros(1, 17, CELLS, CELLS))
    for name in KEYPOINTS:
        assert torn[name] == pytest.approx(sure[name] / 2, rel=0.01)
    # 2 pi k^2 area, of the box.
    assert everywhere["left hip"] == pytest.approx(2 * np.pi * 0.214**2 / 2, rel=0.03)
    assert everywhere["left eye"] == pytest.approx(2 * np.pi * 0.05**2 / 2, rel=0.03)


def test_the_height_of_a_heat_map_says_nothing():
    heatmaps = torch.randn(1, 17, CELLS, CELLS, generator=torch.Generator().manual_seed(0))
    assert list(scored(heatmaps + 30).values()) == pytest.approx(list(scored(heatmaps).values()))


def test_an_empty_mask_gives_finite_scores():
    scores = np.array(list(scored(torch.zeros(1, 17, CELLS, CELLS), area=0).values()))
    assert ((scores >= 0) & (scores < 0.01)).all()


def corner_keypoints(counts):
    def planted(boxes, size):
        counts.append(len(boxes))
        return peaks(np.full((len(boxes), 17, 2), 0.5))

    return planted


def test_images_without_people_do_not_go_through_the_network(tmp_path):
    """They are answered in their place, and do not break up batches."""
    counts, batches = [], []

    class Counting(PlantedKeypoints):
        def __init__(self, planted):
            super().__init__(planted)
            self.backbone.register_forward_hook(lambda m, i, o: batches.append(len(o)))

    images = [np.zeros((60, 80, 3), np.uint8)] * 7
    boxes = [[[i, 0, i + 20, 40]] * count for i, count in enumerate([0, 1, 0, 3, 2, 0, 1])]
    found = [people_in(image, each) for image, each in zip(images, boxes)]
    keypoints = planted_keypoints(tmp_path, corner_keypoints(counts), Counting, detector_batch=3)
    located = list(keypoints.keypoints(images, found))
    assert [len(each) for each in located] == [0, 1, 0, 3, 2, 0, 1]
    assert (counts, batches) == ([1, 3, 2, 1], [3, 1])
    for i, each in enumerate(located):
        assert each.keypoints_px.shape == (len(each), 17, 2)
        assert each.keypoint_score.shape == (len(each), 17)
        assert each.keypoints_px.dtype == each.keypoint_score.dtype == np.float32
        np.testing.assert_allclose(each.keypoints_px[..., 0], i + 10, atol=0.3)


def test_nobody_anywhere_needs_no_weights(tmp_path):
    image = np.zeros((30, 40, 3), np.uint8)
    keypoints = KeypointRCNN(Weights("Keypoint R-CNN", tmp_path / "nowhere"), device="cpu")
    assert [len(each) for each in keypoints.keypoints([image], [people_in(image, [])])] == [0]


def test_keypoints_depend_on_their_own_image_alone(tiny_folder):
    """Whatever the batch, and whatever the size of the images beside it."""
    images = [blocks(i, *((240, 320) if i % 3 else (400, 240))) for i in range(7)]
    boxes = [[[10 * i, 20, 10 * i + 60, 200], [90, 5, 170, 230]][: 1 + i % 2] for i in range(7)]
    found = [people_in(image, each) for image, each in zip(images, boxes)]
    alone = [
        next(tiny_keypoints(tiny_folder).keypoints([image], [each]))
        for image, each in zip(images, found)
    ]
    for batch in (1, 3, 8):
        together = tiny_keypoints(tiny_folder, detector_batch=batch).keypoints(images, found)
        for one, other in zip(alone, together, strict=True):
            np.testing.assert_allclose(one.keypoint_score, other.keypoint_score, atol=1e-3)
            np.testing.assert_allclose(one.keypoints_px, other.keypoints_px, atol=1e-2)


def test_half_precision_where_it_costs_time_only(tiny_folder):
    image = blocks(0, 240, 320)
    found = people_in(image, [[30, 20, 110, 220]])
    full, half = tiny_keypoints(tiny_folder), tiny_keypoints(tiny_folder, precision="bfloat16")
    dtypes = {}

    def note(name):
        return lambda module, inputs, output: dtypes.update({name: output.dtype})

    network = half._network
    network.backbone.body.conv1.register_forward_hook(note("backbone"))
    network.roi_heads.keypoint_head[0].register_forward_hook(note("head"))
    network.roi_heads.keypoint_roi_pool.register_forward_hook(note("pooled"))
    network.roi_heads.keypoint_predictor.register_forward_hook(note("heat maps"))
    (one,) = full.keypoints([image], [found])
    (other,) = half.keypoints([image], [found])
    assert dtypes == {
        "backbone": torch.bfloat16,
        "head": torch.bfloat16,
        "pooled": torch.float32,
        "heat maps": torch.float32,
    }
    assert other.keypoint_score.dtype == np.float32
    assert np.median(np.abs(one.keypoints_px - other.keypoints_px)) < 2
    assert np.median(np.abs(one.keypoint_score - other.keypoint_score)) < 0.05


def test_batch_is_halved_where_memory_does_not_suffice(tmp_path):
    tried = []

    class Cramped(PlantedKeypoints):
        def __init__(self, planted):
            super().__init__(planted)
            self.transform.register_forward_pre_hook(self.allocate)

        def allocate(self, module, inputs):
            tried.append(len(inputs[0]))
            if len(inputs[0]) > 2:
                raise torch.OutOfMemoryError("CUDA out of memory")

    image = np.zeros((60, 60, 3), np.uint8)
    found = [people_in(image, [[i, 0, i + 20, 40]]) for i in range(6)]
    keypoints = planted_keypoints(tmp_path, corner_keypoints([]), Cramped, detector_batch=8)
    located = keypoints.keypoints([image] * 6, found)
    assert [each.keypoints_px[0, 0, 0] for each in located] == pytest.approx(
        [10 + i for i in range(6)], abs=0.3
    )
    assert tried == [6, 3, 2, 2, 2]


def test_memory_for_not_even_one_image(tmp_path):
    def planted(boxes, size):
        raise torch.OutOfMemoryError("CUDA out of memory")

    image = np.zeros((60, 60, 3), np.uint8)
    keypoints = planted_keypoints(tmp_path, planted)
    with pytest.raises(NotEnoughMemoryError, match="--device cpu"):
        list(keypoints.keypoints([image], [people_in(image, [[0, 0, 20, 40]])]))


def refused(folder):
    image = np.zeros((60, 60, 3), np.uint8)
    with pytest.raises(InputError) as caught:
        list(tiny_keypoints(folder).keypoints([image], [people_in(image, [[0, 0, 20, 40]])]))
    message = str(caught.value)
    assert KeypointRCNN.file in message
    return message


def test_missing_file(tmp_path):
    assert "missing" in refused(tmp_path)


def test_weights_of_another_network(tmp_path):
    write_tiny_mask_rcnn(tmp_path)
    (tmp_path / MaskRCNN.file).rename(tmp_path / KeypointRCNN.file)
    message = refused(tmp_path)
    assert "not the weights of this network" in message
    assert "mfh models get keypoint-rcnn" in message


def test_file_that_is_no_weights(tmp_path):
    (tmp_path / KeypointRCNN.file).write_bytes(b"<html>404</html>")
    assert "It must be torchvision's keypointrcnn_resnet50_fpn, COCO_V1" in refused(tmp_path)


def test_weights_by_the_names_of_older_versions_of_torchvision(tmp_path):
    """The published file is older than the names of today's feature pyramid and proposals."""
    path = write_tiny_keypoint_rcnn(tmp_path)
    tensors = torch.load(path, weights_only=True)
    older = {
        name.replace(".0.weight", ".weight").replace(".0.bias", ".bias")
        if "fpn." in name
        else name.replace("rpn.head.conv.0.0.", "rpn.head.conv."): tensor
        for name, tensor in tensors.items()
    }
    assert len(set(tensors) - set(older)) == 18
    torch.save(older, path)
    loaded = tiny_keypoints(tmp_path)._network.state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in tensors.items())


def test_people_and_keypoints_in_a_row(tiny_folder, tmp_path):
    write_tiny_mask_rcnn(tmp_path)
    people = MaskRCNN(
        Weights("Mask R-CNN", tmp_path, identity={"id": 1}), device="cpu", network=tiny_network
    )
    keypoints = KeypointRCNN(
        Weights("Keypoint R-CNN", tiny_folder, identity={"id": 2}),
        device="cpu",
        network=tiny_keypoint_network,
    )
    both = KeypointDetector(people, keypoints)
    assert (both.name, both.device) == ("Mask R-CNN, Keypoint R-CNN", "CPU")
    images = [blocks(i, 240, 320) for i in range(2)]
    for with_keypoints, without in zip(both.detect(images), people.detect(images), strict=True):
        assert len(without)
        assert without.keypoints_px is None
        np.testing.assert_array_equal(with_keypoints.mask, without.mask)
        x, y = np.moveaxis(with_keypoints.keypoints_px, 2, 0)
        x0, y0, x1, y1 = without.box_px.T[..., None]
        assert ((x0 < x) & (x < x1) & (y0 < y) & (y < y1)).all()
    for part in (people, keypoints):
        assert json.dumps(part.fingerprint) in json.dumps(both.fingerprint)


def test_fingerprint_names_what_keypoints_depend_on(tiny_folder):
    def fingerprint(**changed):
        return json.dumps(tiny_keypoints(tiny_folder, **changed).fingerprint)

    plain = fingerprint()
    assert KeypointRCNN.file in plain
    assert fingerprint(detector_batch=1) == fingerprint(min_score=0.6) == plain
    assert fingerprint(precision="bfloat16") != plain


def test_putting_parts_together_imports_no_torch():
    code = (
        "import sys; from mfh.people import KeypointDetector; import mfh.people.detectors; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_facts_of_the_published_weights():
    assert PUBLISHED.url.endswith("/" + KeypointRCNN.file)
    assert PUBLISHED.meta["categories"] == ["no person", "person"]
    assert tuple(name.replace("_", " ") for name in PUBLISHED.meta["keypoint_names"]) == KEYPOINTS


@pytest.mark.slow
def test_full_size_is_the_published_architecture_and_nothing_is_downloaded(tmp_path, monkeypatch):
    def download(*arguments, **keywords):
        raise AssertionError("a download was tried")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", download)
    network = keypoint_rcnn_network()
    count = sum(parameter.numel() for parameter in network.parameters())
    assert count == PUBLISHED.meta["num_params"] == 59_137_258
    # torchvision's own, untrained, has counters besides, which training needs.
    own = keypointrcnn_resnet50_fpn(weights=None, weights_backbone=None).state_dict()
    names = {name for name in own if not name.endswith("num_batches_tracked")}
    assert set(network.state_dict()) == names
    # What torchvision sets where it loads these weights itself.
    frozen = [module for module in network.modules() if isinstance(module, FrozenBatchNorm2d)]
    assert {module.eps for module in frozen} == {0.0}
    assert len(frozen) == 53
    path = tmp_path / KeypointRCNN.file
    torch.save(network.state_dict(), path)
    # The published file's size is said in MiB.
    assert path.stat().st_size / 2**20 == pytest.approx(PUBLISHED.meta["_file_size"], abs=0.1)
    loaded = KeypointRCNN(Weights.local(tmp_path), device="cpu")._network
    assert not loaded.training
    torch.testing.assert_close(
        loaded.backbone.body.conv1.weight, network.backbone.body.conv1.weight
    )
