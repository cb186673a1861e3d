import pickle

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_detector import blocks

from mfh.errors import InputError, MissingPartError
from mfh.models import find_model
from mfh.models.needs import missing_packages
from mfh.models.weights import Weights
from mfh.part_settings import PeopleSettings
from mfh.people.detectors import ViTDet, vitdet_network
from mfh.people.detectors.vitdet import PERSON
from mfh.people.detectors.vitdet_network import ViTDetConfig

CAR = 2
SIDE_PX = 256
TINY = ViTDetConfig(
    image_px=SIDE_PX,
    embed_dim=32,
    depth=8,
    num_heads=2,
    channels=8,
    box_features=16,
    proposals=30,
)

needs_detectron2 = pytest.mark.skipif(
    bool(missing_packages(find_model("vitdet-h"))), reason="detectron2 or timm is not installed"
)


def tiny_network(min_score):
    return vitdet_network.vitdet_network(min_score, TINY)


def write_weights(folder, tensors, **other):
    content = {"model": {name: np.asarray(t) for name, t in tensors.items()}, **other}
    (folder / ViTDet.file).write_bytes(pickle.dumps(content))


def tiny_detector(folder, network=tiny_network, precision="auto", **settings):
    return ViTDet(
        Weights.local(folder),
        PeopleSettings(**settings),
        device="cpu",
        precision=precision,
        network=network,
    )


@pytest.fixture(scope="module")
def tensors():
    """Of a tiny random network that takes about half of everything for a person, else for a car."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        tensors = tiny_network(0.5).state_dict()
        for stage in range(3):
            scores = tensors[f"roi_heads.box_predictor.{stage}.cls_score.weight"]
            scores.normal_(std=5)
            scores[[PERSON, CAR]] *= 2
            bias = tensors[f"roi_heads.box_predictor.{stage}.cls_score.bias"]
            bias[[PERSON, CAR]] = 30
    return tensors


@pytest.fixture
def folder(tmp_path, tensors):
    write_weights(tmp_path, tensors, __author__="test")
    return tmp_path


@pytest.mark.parametrize("missing", ["detectron2", "timm"])
def test_what_to_install_is_said(tmp_path, monkeypatch, missing):
    there = {"torch": object(), "detectron2": object(), "timm": object(), missing: None}
    monkeypatch.setattr("mfh.models.needs.find_spec", there.get)
    write_weights(tmp_path, {})
    detector = ViTDet(Weights.local(tmp_path), device="cpu")
    with pytest.raises(MissingPartError) as caught:
        list(detector.detect([np.zeros((9, 9, 3), np.uint8)]))
    message = str(caught.value)
    assert f" needs {missing}, not found here: " in message
    commands = {
        "detectron2": ("conda-forge", "git+https://github.com/facebookresearch/detectron2"),
        "timm": ("here: pip install timm;",),
    }
    assert all(command in message for command in commands[missing])
    assert "people.detector=mask-rcnn" in message


class PlantedNetwork(torch.nn.Module):
    """Finds what is planted, told the image as the network sees it."""

    def __init__(self, planted):
        super().__init__()
        self.planted = planted
        self.backbone = torch.nn.Identity()
        self.backbone.padding_constraints = {"square_size": SIDE_PX}
        self.roi_heads = torch.nn.Identity()
        self.roi_heads.box_head = torch.nn.ModuleList()

    def inference(self, inputs, do_postprocess):
        assert not do_postprocess
        return [self.planted(each["image"]) for each in inputs]


def planted_detector(folder, planted):
    write_weights(folder, {})
    return tiny_detector(folder, lambda min_score: PlantedNetwork(planted))


def instances(image, boxes, classes, scores, probability):
    from detectron2.structures import Boxes, Instances

    return Instances(
        tuple(image.shape[1:]),
        pred_boxes=Boxes(torch.tensor(np.array(boxes), dtype=torch.float32)),
        pred_classes=torch.tensor(classes),
        scores=torch.tensor(scores),
        pred_masks=probability.expand(len(boxes), 1, 28, 28),
    )


@needs_detectron2
def test_people_above_the_score_with_masks_at_the_images_size(tmp_path):
    cell = (np.arange(28) + 0.5) / 28 - 0.5
    radius = np.hypot(*np.meshgrid(cell, cell))
    ellipse = torch.tensor(np.clip(0.5 + 10 * (0.4 - radius), 0, 1), dtype=torch.float32)
    share = np.array([0.3, 0.1, 0.6, 0.9])

    def planted(image):
        height, width = image.shape[1:]
        boxes = [share * [width, height, width, height]] * 4
        return instances(image, boxes, [CAR, PERSON, PERSON, PERSON], [0.9, 0.8, 0.7, 0.5], ellipse)

    sizes = [(300, 400), (480, 250), (90, 120)]
    found = planted_detector(tmp_path, planted).detect(
        [np.zeros((*size, 3), np.uint8) for size in sizes]
    )
    for (height, width), each in zip(sizes, found, strict=True):
        assert each.score == pytest.approx([0.8, 0.7])
        assert each.mask.shape == (2, height, width)
        assert (each.mask.dtype, each.box_px.dtype) == (np.bool_, np.float32)
        box = share * [width, height, width, height]
        assert each.box_px[0] == pytest.approx(box, abs=0.5)
        rows, columns = np.mgrid[:height, :width] + 0.5
        truth = (
            np.hypot(
                (columns - box[[0, 2]].mean()) / (box[2] - box[0]),
                (rows - box[[1, 3]].mean()) / (box[3] - box[1]),
            )
            < 0.4
        )
        assert (each.mask[0] & truth).sum() / (each.mask[0] | truth).sum() > 0.97


@needs_detectron2
def test_nobody(tmp_path):
    def planted(image):
        return instances(image, [[0, 0, 9, 9]], [CAR], [0.9], torch.ones(28, 28))

    (found,) = planted_detector(tmp_path, planted).detect([np.zeros((30, 40, 3), np.uint8)])
    assert found.mask.shape == (0, 30, 40)
    assert found.mask.dtype == np.bool_
    assert found.box_px.shape == (0, 4)


@needs_detectron2
def test_colours_come_in_as_rgb(tmp_path):
    seen = []

    def planted(image):
        seen.append(image)
        return instances(image, [[0, 0, 9, 9]], [PERSON], [0.9], torch.ones(28, 28))

    image = np.empty((60, 80, 3), np.uint8)
    image[:] = (250, 100, 7)
    list(planted_detector(tmp_path, planted).detect([image]))
    assert seen[0].shape == (3, 192, SIDE_PX)
    assert seen[0].dtype == torch.float32
    assert seen[0].mean(dim=(1, 2)).tolist() == pytest.approx([250, 100, 7])
    network = tiny_network(0.5)
    # ImageNet's mean and deviation in RGB, times 255.
    assert network.input_format == "RGB"
    assert network.pixel_mean.flatten().tolist() == pytest.approx([123.675, 116.28, 103.53])
    assert network.pixel_std.flatten().tolist() == pytest.approx([58.395, 57.12, 57.375])


@needs_detectron2
@pytest.mark.parametrize("size", [(480, 640), (640, 480), (333, 1000), (100, 100), (1500, 1001)])
def test_images_are_resized_as_detectron2_does(size):
    from detectron2.data.transforms import AugInput, ResizeShortestEdge

    from mfh.people.detectors.vitdet import _network_input

    image = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    theirs = AugInput(image)
    ResizeShortestEdge(1024, 1024)(theirs)
    np.testing.assert_array_equal(
        _network_input(image, 1024).permute(1, 2, 0).numpy(), theirs.image
    )


@needs_detectron2
def test_the_same_as_detectron2s_own_inference(folder, tensors):
    """People are taken out before masks are brought to the image's size: that changes nothing."""
    image = blocks(0, 200, 260)
    (found,) = tiny_detector(folder, min_score=0.3).detect([image])
    network = tiny_network(0.05).eval()
    network.load_state_dict(tensors)
    resized = np.asarray(Image.fromarray(image).resize((256, 197), Image.Resampling.BILINEAR))
    with torch.no_grad():
        (theirs,) = network(
            [{"image": torch.tensor(resized).permute(2, 0, 1), "height": 200, "width": 260}]
        )
    all_found = theirs["instances"]
    people = all_found[(all_found.pred_classes == PERSON) & (all_found.scores > 0.3)]
    assert 0 < len(people) < len(all_found)
    np.testing.assert_allclose(found.score, people.scores, atol=1e-5)
    np.testing.assert_allclose(found.box_px, people.pred_boxes.tensor, atol=1e-3)
    assert (found.mask != people.pred_masks.numpy()).mean() < 1e-4
    assert (np.diff(found.score) <= 0).all()


@needs_detectron2
def test_detections_depend_on_their_own_image_alone(folder):
    images = [blocks(i, *((200, 260) if i % 3 else (240, 160))) for i in range(4)]
    alone = [next(tiny_detector(folder).detect([image])) for image in images]
    assert any(len(each) for each in alone)
    for batch in (1, 4):
        together = tiny_detector(folder, detector_batch=batch).detect(images)
        for one, other in zip(alone, together, strict=True):
            np.testing.assert_allclose(one.score, other.score, atol=1e-4)
            np.testing.assert_allclose(one.box_px, other.box_px, atol=0.05)
            assert (one.mask != other.mask).mean() < 1e-3


@needs_detectron2
def test_half_precision_where_it_costs_time_only(folder):
    half = tiny_detector(folder, precision="bfloat16")
    dtypes = {}

    def note(name):
        return lambda module, inputs, output: dtypes.update({name: output.dtype})

    network = half._network
    network.backbone.net.blocks[0].attn.qkv.register_forward_hook(note("attention"))
    network.backbone.net.blocks[0].register_forward_hook(note("residuals"))
    network.proposal_generator.rpn_head.conv.register_forward_hook(note("proposals"))
    list(half.detect([blocks(0, 200, 260)]))
    assert dtypes == {
        "attention": torch.bfloat16,
        "residuals": torch.float32,
        "proposals": torch.float32,
    }


@needs_detectron2
def test_constants_of_older_files_are_passed_over(tmp_path, tensors):
    constants = {
        "pixel_mean": torch.zeros(3, 1, 1),
        "pixel_std": torch.ones(3, 1, 1),
        "proposal_generator.anchor_generator.cell_anchors.0": torch.zeros(3, 4),
    }
    write_weights(tmp_path, {**tensors, **constants})
    network = tiny_detector(tmp_path)._network
    assert network.pixel_mean.flatten()[0] == pytest.approx(123.675)


@needs_detectron2
def test_weights_of_another_network(tmp_path):
    write_weights(tmp_path, {"layer.weight": torch.ones(2)})
    with pytest.raises(InputError, match=r"unexpected \(layer.weight\).*mfh models get vitdet-h"):
        list(tiny_detector(tmp_path).detect([np.zeros((9, 9, 3), np.uint8)]))


@needs_detectron2
@pytest.mark.slow
def test_full_size_has_the_published_shapes():
    """As detectron2's own configuration of ViTDet-H gives them."""
    # Only sizes matter here, and random numbers for all weights take a minute.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.nn.init, "trunc_normal_", lambda tensor, **kwargs: tensor)
        network = vitdet_network.vitdet_network(0.5)
    tensors = network.state_dict()
    assert len(tensors) == 561
    assert sum(parameter.numel() for parameter in network.parameters()) == 691_468_958
    shapes = {
        "backbone.net.pos_embed": (1, 197, 1280),
        "backbone.net.patch_embed.proj.weight": (1280, 3, 16, 16),
        "backbone.net.blocks.0.attn.rel_pos_h": (27, 80),
        "backbone.net.blocks.7.attn.rel_pos_h": (127, 80),
        "backbone.net.blocks.31.attn.rel_pos_w": (127, 80),
        "backbone.simfp_2.0.weight": (1280, 640, 2, 2),
        "proposal_generator.rpn_head.conv.conv1.weight": (256, 256, 3, 3),
        "roi_heads.box_head.2.fc1.weight": (1024, 12544),
        "roi_heads.box_predictor.0.cls_score.weight": (81, 1024),
        "roi_heads.box_predictor.0.bbox_pred.weight": (4, 1024),
        "roi_heads.mask_head.predictor.weight": (80, 256, 1, 1),
    }
    assert {name: tuple(tensors[name].shape) for name in shapes} == shapes
    anchors = network.proposal_generator.anchor_generator
    assert (anchors.offset, anchors.strides) == (0.0, [4, 8, 16, 32, 64])
    windows = [block.window_size for block in network.backbone.net.blocks]
    assert [i for i, size in enumerate(windows) if size == 0] == [7, 15, 23, 31]
    assert set(windows) == {0, 14}
