import gc
import json
import os
import warnings
import weakref
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_detector import PlantedNetwork, blocks, tiny_network, write_tiny_mask_rcnn
from torchvision.models.detection import MaskRCNN_ResNet50_FPN_V2_Weights

from mfh.errors import InputError, NotEnoughMemoryError
from mfh.models.weights import Weights
from mfh.part_settings import PeopleSettings
from mfh.people.detectors import MaskRCNN
from mfh.people.detectors.mask_rcnn import PERSON, mask_rcnn_network

DOG = 18


def planted_detector(folder, planted, network=PlantedNetwork, **settings):
    """A detector whose network finds what `planted` says."""
    torch.save(network(planted).state_dict(), folder / MaskRCNN.file)
    return MaskRCNN(
        Weights.local(folder),
        PeopleSettings(**settings),
        device="cpu",
        network=lambda min_score: network(planted),
    )


@pytest.fixture(scope="module")
def tiny_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny mask r-cnn")
    write_tiny_mask_rcnn(folder)
    return folder


def tiny_detector(folder, *, precision="auto", **settings):
    return MaskRCNN(
        Weights.local(folder),
        PeopleSettings(**settings),
        device="cpu",
        precision=precision,
        network=tiny_network,
    )


def found_at(boxes, labels, scores, probability=None):
    count = len(boxes)
    if probability is None:
        probability = torch.ones(28, 28)
    return {
        "boxes": torch.tensor(np.array(boxes, np.float32)).reshape(count, 4),
        "labels": torch.tensor(labels, dtype=torch.int64),
        "scores": torch.tensor(scores, dtype=torch.float32),
        "masks": probability.expand(count, 1, 28, 28),
    }


def iou(one, other):
    return (one & other).sum() / (one | other).sum()


def test_only_people_above_the_score_in_order(tmp_path):
    boxes = [[10.0 * i, 5, 10 * i + 9, 60] for i in range(5)]
    labels = [DOG, PERSON, PERSON, DOG, PERSON]
    detector = planted_detector(
        tmp_path,
        lambda image: found_at(boxes, labels, [0.9, 0.8, 0.7, 0.6, 0.5]),
    )
    (found,) = detector.detect([np.zeros((200, 200, 3), np.uint8)])
    assert found.score == pytest.approx([0.8, 0.7])
    assert found.box_px[:, 0] == pytest.approx([10, 20])
    assert found.mask.shape == (2, 200, 200)
    assert (found.mask.dtype, found.box_px.dtype, found.score.dtype) == (
        np.bool_,
        np.float32,
        np.float32,
    )


def test_nobody(tmp_path):
    detector = planted_detector(tmp_path, lambda image: found_at([[0, 0, 9, 9]], [DOG], [0.9]))
    (found,) = detector.detect([np.zeros((30, 40, 3), np.uint8)])
    assert len(found) == 0
    assert found.mask.shape == (0, 30, 40)
    assert found.box_px.shape == (0, 4)


@pytest.mark.parametrize(("threshold", "radius_share"), [(0.5, 0.4), (0.9, 0.36), (0.1, 0.44)])
def test_masks_and_boxes_at_each_images_size(tmp_path, threshold, radius_share):
    """An ellipse planted at the network's size comes out at its place in images of any size."""
    cell = (np.arange(28) + 0.5) / 28 - 0.5
    radius = np.hypot(*np.meshgrid(cell, cell))
    # Linear across the boundary, as a network's probabilities are, with 0.5 at a radius of 0.4.
    ellipse = torch.tensor(np.clip(0.5 + 10 * (0.4 - radius), 0, 1), dtype=torch.float32)
    share = np.array([0.3, 0.1, 0.6, 0.9])

    def planted(image):
        height, width = image.shape[1:]
        return found_at([share * [width, height, width, height]], [PERSON], [0.9], ellipse)

    sizes = [(300, 400), (300, 400), (480, 250), (90, 120), (300, 400)]
    detector = planted_detector(tmp_path, planted, mask_threshold=threshold)
    found = list(detector.detect([np.zeros((*size, 3), np.uint8) for size in sizes]))
    assert len(found) == len(sizes)
    for (height, width), each in zip(sizes, found):
        box = share * [width, height, width, height]
        # The network's side is whole px.
        assert each.box_px[0] == pytest.approx(box, abs=0.5)
        rows, columns = np.mgrid[:height, :width] + 0.5
        truth = (
            np.hypot(
                (columns - box[[0, 2]].mean()) / (box[2] - box[0]),
                (rows - box[[1, 3]].mean()) / (box[3] - box[1]),
            )
            < radius_share
        )
        assert each.mask.shape == (1, height, width)
        # torchvision puts masks into boxes of whole px, which shows in the smallest.
        assert iou(each.mask[0], truth) > (0.97 if height > 100 else 0.92)


def test_colours_come_in_as_rgb_in_0_to_1(tmp_path):
    seen = []

    def redness(image):
        seen.append(image.mean(dim=(1, 2)))
        return found_at(
            [[0, 0, 50, 90]], [PERSON if image[0].mean() > image[2].mean() else DOG], [1]
        )

    red, blue = np.zeros((2, 100, 100, 3), np.uint8)
    red[..., 0] = 255
    blue[..., 2] = 255
    found = list(planted_detector(tmp_path, redness).detect([red, blue]))
    assert [len(each) for each in found] == [1, 0]
    # ImageNet's mean and deviation: (0.485, 0.456, 0.406) and (0.229, 0.224, 0.225).
    assert seen[0].numpy() == pytest.approx([2.2489, -2.0357, -1.8044], abs=1e-4)
    assert seen[1].numpy() == pytest.approx([-2.1179, -2.0357, 2.6400], abs=1e-4)


def test_detections_depend_on_their_own_image_alone(tiny_folder):
    """Whatever the batch, and whatever the size of the images beside it."""
    images = [blocks(i, *((240, 320) if i % 3 else (400, 240))) for i in range(7)]
    alone = [next(tiny_detector(tiny_folder).detect([image])) for image in images]
    assert all(len(each) for each in alone)
    for batch in (1, 3, 8):
        together = tiny_detector(tiny_folder, detector_batch=batch).detect(images)
        for one, other in zip(alone, together, strict=True):
            np.testing.assert_allclose(one.score, other.score, atol=1e-5)
            np.testing.assert_allclose(one.box_px, other.box_px, atol=1e-2)
            assert (one.mask != other.mask).mean() < 1e-4


def test_tiny_network_has_the_official_names(tiny_folder):
    tensors = torch.load(tiny_folder / MaskRCNN.file, weights_only=True)
    assert set(tensors) <= set(mask_rcnn_network(0.5).state_dict())


def test_tiny_network_finds_nobody_when_told_so(tmp_path):
    write_tiny_mask_rcnn(tmp_path, finds_people=False)
    assert [len(each) for each in tiny_detector(tmp_path).detect([blocks(0, 240, 320)])] == [0]


def test_people_are_the_only_ones_and_above_the_score(tiny_folder):
    (found,) = tiny_detector(tiny_folder).detect([blocks(0, 240, 320)])
    assert 1 <= len(found) <= 4
    assert (np.diff(found.score) <= 0).all()
    height_px = found.box_px[:, 3] - found.box_px[:, 1]
    assert height_px.max() > 80
    between = (found.score[0] + found.score[-1]) / 2
    (fewer,) = tiny_detector(tiny_folder, min_score=float(between)).detect([blocks(0, 240, 320)])
    assert len(fewer) == (found.score > between).sum() < len(found)
    np.testing.assert_array_equal(fewer.mask, found.mask[: len(fewer)])


def test_half_precision_where_it_costs_time_only(tiny_folder):
    image = blocks(0, 240, 320)
    full = tiny_detector(tiny_folder)
    half = tiny_detector(tiny_folder, precision="bfloat16")
    dtypes = {}

    def note(name):
        return lambda module, inputs, output: dtypes.update({name: output.dtype})

    network = half._network
    network.backbone.body.conv1.register_forward_hook(note("backbone"))
    network.roi_heads.box_head.register_forward_hook(note("box features"))
    network.rpn.head.conv[0][0].register_forward_hook(note("proposals"))
    (one,), (other,) = full.detect([image]), half.detect([image])
    assert dtypes == {
        "backbone": torch.bfloat16,
        "box features": torch.float32,
        "proposals": torch.float32,
    }
    assert other.box_px.dtype == np.float32
    np.testing.assert_allclose(one.score[:1], other.score[:1], atol=0.02)


class Cramped(PlantedNetwork):
    """Has memory for two images."""

    def __init__(self, planted):
        super().__init__(planted)
        self.transform.register_forward_pre_hook(self.allocate)

    def allocate(self, module, inputs):
        tried.append(len(inputs[0]))
        if len(inputs[0]) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")


tried: list[int] = []


def test_batch_is_halved_where_memory_does_not_suffice(tmp_path):
    tried.clear()
    detector = planted_detector(
        tmp_path,
        lambda image: found_at([[0, 0, 50, 90]], [PERSON], [0.6 + 0.1 * float(image[0, 0, 0] > 0)]),
        Cramped,
        detector_batch=8,
    )
    images = [np.full((60, 60, 3), 255 * (i % 2), np.uint8) for i in range(8)]
    assert [float(each.score[0]) for each in detector.detect(images)] == pytest.approx(
        [0.6, 0.7] * 4
    )
    assert tried == [8, 4, 2, 2, 2, 2]


def test_memory_for_not_even_one_image(tmp_path):
    def planted(image):
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(NotEnoughMemoryError, match="--device cpu"):
        list(planted_detector(tmp_path, planted).detect([np.zeros((9, 9, 3), np.uint8)]))


def test_a_network_that_does_not_fit_is_loaded_once_and_named(tiny_folder):
    tried = []

    class TooLarge(torch.nn.Module):
        def to(self, *_):
            tried.append(1)
            raise torch.OutOfMemoryError("CUDA out of memory")

    def network(min_score):
        built = tiny_network(min_score)
        built.to = TooLarge().to
        return built

    detector = MaskRCNN(
        Weights("Mask R-CNN", tiny_folder),
        PeopleSettings(detector_batch=8),
        device="cpu",
        network=network,
    )
    message = "^Mask R-CNN does not fit into the memory of CPU; use --device cpu"
    with pytest.raises(NotEnoughMemoryError, match=message):
        list(detector.detect([np.zeros((9, 9, 3), np.uint8)] * 8))
    assert len(tried) == 1


def test_a_network_in_half_precision_goes_when_its_detector_does(tiny_folder):
    detector = tiny_detector(tiny_folder, precision="bfloat16")
    list(detector.detect([blocks(0, 240, 320)]))
    backbone = weakref.ref(detector._network.backbone)
    gc.collect()
    gc.disable()
    try:
        del detector
        assert backbone() is None
    finally:
        gc.enable()


def test_loaded_at_first_use_and_kept(tmp_path):
    assert MaskRCNN(Weights("Mask R-CNN", tmp_path / "nowhere"), device="cpu").device == "CPU"
    path = write_tiny_mask_rcnn(tmp_path)
    detector = tiny_detector(tmp_path)
    (first,) = detector.detect([blocks(0, 240, 320)])
    path.unlink()
    (second,) = detector.detect([blocks(0, 240, 320)])
    np.testing.assert_array_equal(first.mask, second.mask)


def test_read_only_images_are_taken_without_a_warning(tmp_path):
    detector = planted_detector(tmp_path, lambda image: found_at([], [], []))
    image = np.zeros((30, 40, 3), np.uint8)
    image.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        list(detector.detect([image]))


def test_fingerprint_names_what_the_detections_depend_on(tiny_folder):
    def fingerprint(**changed):
        return json.dumps(tiny_detector(tiny_folder, **changed).fingerprint)

    plain = fingerprint()
    assert MaskRCNN.file in plain
    assert fingerprint(detector_batch=1) == plain
    assert fingerprint(min_score=0.6) != plain
    assert fingerprint(mask_threshold=0.6) != plain
    assert fingerprint(precision="bfloat16") != plain
    assert fingerprint(precision="float32") == plain


def refused(folder):
    with pytest.raises(InputError) as caught:
        list(tiny_detector(folder).detect([np.zeros((9, 9, 3), np.uint8)]))
    message = str(caught.value)
    assert MaskRCNN.file in message
    return message


def test_missing_file(tmp_path):
    assert "missing" in refused(tmp_path)


def test_weights_of_another_network(tmp_path):
    path = tmp_path / MaskRCNN.file
    torch.save({"layer.weight": torch.ones(2)}, path)
    message = refused(tmp_path)
    assert "tensors missing (backbone.body." in message
    assert "1 tensors unexpected (layer.weight)" in message
    assert "mfh models get mask-rcnn" in message


def test_weights_of_another_size(tmp_path):
    path = write_tiny_mask_rcnn(tmp_path)
    tensors = torch.load(path, weights_only=True)
    tensors["roi_heads.box_predictor.cls_score.bias"] = torch.zeros(3)
    torch.save(tensors, path)
    assert "cls_score.bias is (3,), not (91,)" in refused(tmp_path)


class Hostile:
    def __reduce__(self):
        return os.mkdir, ("hostile",)


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_bytes(b"<html>404</html>"),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(cut(path)),
        lambda path: torch.save([torch.ones(2)], path),
        lambda path: torch.save({"weight": Hostile()}, path),
    ],
    ids=["a web page", "empty", "cut off", "a list", "code"],
)
def test_files_that_are_no_weights(tmp_path, monkeypatch, write):
    monkeypatch.chdir(tmp_path)
    write_tiny_mask_rcnn(tmp_path)
    write(tmp_path / MaskRCNN.file)
    assert "It must be torchvision's maskrcnn_resnet50_fpn_v2" in refused(tmp_path)
    assert not Path("hostile").exists()


def cut(path):
    content = path.read_bytes()
    return content[: len(content) // 2]


def test_facts_of_the_published_weights():
    published = MaskRCNN_ResNet50_FPN_V2_Weights.COCO_V1
    assert published.url.endswith("/" + MaskRCNN.file)
    assert published.meta["categories"][PERSON] == "person"
    assert published.meta["categories"][DOG] == "dog"


@pytest.mark.slow
def test_full_size_is_the_published_architecture_and_nothing_is_downloaded(tmp_path, monkeypatch):
    def download(*arguments, **keywords):
        raise AssertionError("a download was tried")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", download)
    network = mask_rcnn_network(0.5)
    count = sum(parameter.numel() for parameter in network.parameters())
    assert count == MaskRCNN_ResNet50_FPN_V2_Weights.COCO_V1.meta["num_params"] == 46_359_409
    path = tmp_path / MaskRCNN.file
    torch.save(network.state_dict(), path)
    # The published file's size is said in MiB.
    published_mib = MaskRCNN_ResNet50_FPN_V2_Weights.COCO_V1.meta["_file_size"]
    assert path.stat().st_size / 2**20 == pytest.approx(published_mib, abs=0.1)
    loaded = MaskRCNN(Weights.local(tmp_path), device="cpu")._network
    assert not loaded.training
    torch.testing.assert_close(
        loaded.backbone.body.conv1.weight, network.backbone.body.conv1.weight
    )
