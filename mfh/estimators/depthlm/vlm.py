"""Who answers questions about photos, and any image-text model of transformers as one.

Importing this loads no model library.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Protocol

from mfh.compute import LearnedPart, Placement, in_batches
from mfh.errors import InputError, SettingsError
from mfh.estimators.depthlm.models import model_kind
from mfh.estimators.depthlm.questions import Question
from mfh.models import Weights
from mfh.progress import Progress
from mfh.settings import Device, Precision

if TYPE_CHECKING:
    import torch

    from mfh.estimators.depthlm.vlm_network import ImageTextNetwork

STAGE = "questions"
"""What answering is called in a run's progress."""

# The prompt of a canonical view is about 2000 tokens; eight leave room on a 40 GB GPU beside 12B.
_GPU_BATCH = 8
_REMEDY = "use a smaller model, --set precision=bfloat16, or --device cpu"


class Answerer(Protocol):
    """Whoever answers questions: a model, or a stand-in that knows the truth.

    An answerer may have a `longest_px` too: the longest side of an image that it takes, in px.
    """

    @property
    def name(self) -> str:
        """Its name in words."""
        ...

    @property
    def device(self) -> str:
        """The device in words."""
        ...

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """All that its answers depend on besides the questions, plain JSON."""
        ...

    @property
    def focal_px(self) -> float:
        """The focal length, in px, of the views it is asked about."""
        ...

    def answer(self, questions: Sequence[Question], progress: Progress | None = None) -> list[str]:
        """What it says to each question, in order; a `CutText` where it was not let finish."""
        ...


class VisionLanguageModel(LearnedPart):
    """An image-text model of transformers that answers questions (`Answerer`).

    The prompt is the model's own chat template with the images first and then the text; decoding
    is greedy whatever the model's generation_config.json would rather do, and an answer is the
    same whatever else is asked with it, but for what half precision rounds. Of transformers, 4.48
    knows Pixtral (`facebook/DepthLM`) and has no Qwen2.5-VL, which takes 4.49; up to 4.51 its image
    is encoded once for each question.

    Questions about one marked image (its distance, depth, speed, ...) share its encoding. A mark
    is part of the image, so two marks are two encodings: vision towers mix all patches, and the
    tokens of a patch far from the arrow depend on it as well. Models other than DepthLM's two
    kinds, Qwen2.5-VL and Pixtral, share nothing.

    The focal length survives: Qwen2.5-VL and Pixtral get images at their own size, rounded to
    their patches (multiples of 28 px, nearest; of 16 px, up) whatever limits their processors came
    with. Pixtral has positions for 1024 px, and a longer image is refused, not shrunk
    (`mfh.estimators.depthlm.asking` cuts views to that). Models of other kinds resize images as
    they like, and a warning says so.

    weights: config.json, processor, tokenizer, chat template and safetensors, as the model hub
        arranges them; see `mfh.estimators.hub.hub_weights`.
    focal_px: the canonical focal length, in px; None takes the one known of the model.
    batch: questions at once; 0 takes what suits the device. Halved where memory does not suffice.
    max_new_tokens: the longest answer; DepthLM's take about 50, and stop after "</answer>". A
        longer one is cut off, and has no value unless its answer is closed by then.
    device, precision: as in `mfh.Settings`, but that "auto" is bfloat16 on a GPU.

    Raises `ModelError` where config.json is missing or none of a model's, and `SettingsError` for
    a number out of range.
    """

    part = "vision language model"

    def __init__(
        self,
        weights: Weights,
        *,
        focal_px: float | None = None,
        batch: int = 0,
        max_new_tokens: int = 256,
        device: Device = "auto",
        precision: Precision = "auto",
    ) -> None:
        super().__init__(weights, device, precision)
        if batch < 0 or max_new_tokens < 1:
            raise SettingsError(
                f"batch = {batch} and max_new_tokens = {max_new_tokens}; they must be at least 0 "
                "and 1"
            )
        self._placement = _TrainedPrecision(device, precision)
        self._kind = model_kind(weights, focal_px)
        self._batch = batch
        self._max_new_tokens = max_new_tokens

    @property
    def focal_px(self) -> float:
        """The canonical focal length, in px."""
        return self._kind.focal_px

    @property
    def longest_px(self) -> int:
        """The longest side of an image that it takes, in px; 0 is any."""
        return self._kind.longest_px

    def answer(self, questions: Sequence[Question], progress: Progress | None = None) -> list[str]:
        """What the model says to each question, in order, without its special tokens.

        A text that is longer than max_new_tokens is a `mfh.estimators.depthlm.answers.CutText`.

        Raises `InputError` for an image too large for the model, `MissingPartError` where the
        transformers installed has no such model, `ModelError` for files that cannot be used, and
        `NotEnoughMemoryError`.
        """
        progress = progress or Progress()
        for question in questions:
            self._require_size(question)
        if not self._kind.keeps_size:
            progress.warn(
                f"{self.name}: a model of type {self._kind.model_type} resizes images as it likes, "
                f"so that they may not keep a focal length of {self.focal_px:g} px, which metres "
                "depend on"
            )
        progress.start(STAGE, len(questions))
        texts = self._texts(questions, progress) if questions else []
        progress.finish(STAGE, f"{len(questions)} answered by {self.name}")
        return texts

    def _texts(self, questions: Sequence[Question], progress: Progress) -> list[str]:
        texts = [""] * len(questions)
        # One after the other, so that those about one image are in one batch, or in neighbours.
        order = _by_images(questions)
        answers = in_batches(
            [questions[index] for index in order],
            self._placement.batch(self._batch, _GPU_BATCH),
            partial(self._network.answer, encoded={}),
            remedy=_REMEDY,
        )
        for index, text in zip(order, answers, strict=True):
            texts[index] = text
            progress.advance(STAGE)
        return texts

    def _depends_on(self) -> Mapping[str, Any]:
        return {"focal_px": self.focal_px, "max_new_tokens": self._max_new_tokens}

    def _require_size(self, question: Question) -> None:
        for image in question.images:
            height, width = image.shape[:2]
            if 0 < self.longest_px < max(height, width):
                raise InputError(
                    f"{self.name}: an image of {width} x {height} px, at a focal length of "
                    f"{self.focal_px:g} px; the model has positions for {self.longest_px} px a "
                    "side, and shrinking it would change the focal length: crop the photo"
                )

    @cached_property
    def _network(self) -> ImageTextNetwork:
        from mfh.estimators.depthlm.vlm_network import load  # noqa: PLC0415 - heavy

        with self._placement.loading(self.name, _REMEDY):
            return load(self._weights, self._kind, self._placement, self._max_new_tokens)


class _TrainedPrecision(Placement):
    """A placement whose "auto" is bfloat16 on a GPU: these models are trained in it."""

    @cached_property
    def dtype(self) -> torch.dtype:
        import torch  # noqa: PLC0415 - heavy

        if self.wanted_precision == "auto" and self.device.type != "cpu":
            return torch.bfloat16
        return super().dtype


def _by_images(questions: Sequence[Question]) -> list[int]:
    """The indices of questions, those about the same images one after the other."""
    first: dict[str, int] = {}
    keys = [first.setdefault(each.images_key, index) for index, each in enumerate(questions)]
    return sorted(range(len(questions)), key=lambda index: keys[index])
