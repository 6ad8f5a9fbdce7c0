"""What a refiner of outlines learns after a fine-tuning, and that it counts only where it is better than GrabCut."""

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from argus.data.dataset import Dataset
from argus.data.sources import open_data
from argus.model.outline_refiner import OutlineConfig, OutlineRefiner
from argus.model.sam3 import Sam3
from argus.ops import rle
from argus.ops.rle import Rle
from argus.train import outlining
from argus.train.outlining import lesson, looks_at, passed, seconds_of, teach
from argus.types import Prompt
from tests.train.toy_data import write_toys
from tests.train.toys import COLOURS, tiny_model


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("data")
    return open_data(write_toys(folder, 10), folder / "images")


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little is enough for a lesson, and it is short."""
    monkeypatch.setattr(outlining, "LEAST", 4)
    monkeypatch.setattr(outlining, "AT_ONCE", 4)


def model_that_finds(share: float) -> Sam3:
    """It takes all that has the colour of a phrase for one object, or so much of it, from the left; as coarsely as a
    model does."""
    model = tiny_model().eval()

    def detect(images: torch.Tensor, prompts: Sequence[Prompt]) -> SimpleNamespace:
        pixels = (images[0] + 1) * 127.5
        found = []
        for prompt in prompts:
            near = (pixels - torch.tensor(COLOURS[prompt.phrase])[:, None, None]).abs().amax(0) < 60
            columns = near.any(0).nonzero()[:, 0].tolist()
            near[:, columns[round(len(columns) * share)] if share < 1 and columns else 48 :] = False
            area = torch.nn.functional.interpolate(near[None, None].float(), (12, 12), mode="area")
            found.append(area[0] * 8 - 4)
        return SimpleNamespace(mask_logits=found)

    object.__setattr__(model, "encode", lambda images: images)
    object.__setattr__(model, "detect", detect)
    return model


def cores(data: Dataset) -> Dataset:
    """Of each object what is not near its border, which no colour tells."""

    def core(mask: Rle) -> Rle:
        whole, inner = rle.decode(mask), np.zeros(mask.size_hw, bool)
        rows, columns = np.flatnonzero(whole.any(1)), np.flatnonzero(whole.any(0))
        kept = np.ix_(rows[len(rows) // 8 : -len(rows) // 8], columns[len(columns) // 8 : -len(columns) // 8])
        inner[kept] = whole[kept]
        return rle.encode(inner)

    return replace(data, records=tuple(replace(r, rles=tuple(map(core, r.rles))) for r in data.records))


def refiner() -> OutlineRefiner:
    return OutlineRefiner(OutlineConfig())


def test_it_learns_what_colours_do_not_tell_and_nothing_else_learns(data: Dataset, few: None) -> None:
    model = model_that_finds(1.0)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    taught = lesson(model, cores(data), 1, 0, steps=60)
    assert taught is not None and taught.taught >= 6 and taught.checked >= 2
    assert taught.after > taught.before + 0.1
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert not any(parameter.requires_grad for parameter in taught.refiner.parameters())


def test_masks_of_no_object_and_too_few_teach_nothing(data: Dataset) -> None:
    assert looks_at(model_that_finds(0.2), refiner(), data, 1, 0) is None
    assert looks_at(model_that_finds(1.0), refiner(), data, 1, 0) is not None
    assert lesson(model_that_finds(1.0), data, 1, 0) is None


def test_looks_are_of_single_objects_and_repeat(data: Dataset) -> None:
    first, again = (looks_at(model_that_finds(1.0), refiner(), data, 1, 3) for _ in range(2))
    assert first is not None and again is not None
    assert torch.equal(first.views, again.views) and torch.equal(first.shares, again.shares)
    assert passed(first.views[:, 4:], first.shares) > 0.7  # colours tell nearly all here
    assert 0 < first.checked.sum() < len(first)


def test_tiles_are_looked_at_as_windows_of_their_size(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    class Noted(Dataset):
        def sample(self, index: int, **how: object):  # type: ignore[no-untyped-def, override]
            seen.append(how)
            return super().sample(index, **how)  # type: ignore[arg-type]

    noted = Noted(format="COCO JSON", records=data.records)
    monkeypatch.setattr(outlining, "WINDOWS", 25)
    monkeypatch.setattr(outlining, "MOST_PX", 20)
    looks_at(model_that_finds(1.0), refiner(), noted, 2, 0)
    assert len(seen) == 25
    for how in seen:
        left, top, right, bottom = how["window_xyxy_px"]  # type: ignore[misc]
        assert (right - left, bottom - top) == (28, 28) and how["size_hw"] == (20, 20)


def test_the_same_seed_teaches_the_same(data: Dataset, few: None) -> None:
    looks = looks_at(model_that_finds(1.0), refiner(), data, 1, 0)
    assert looks is not None
    torch.manual_seed(0)
    one = refiner()
    other = refiner()
    other.load_state_dict(one.state_dict())
    teach(one, looks, 2, 5)
    teach(other, looks, 2, 5)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_its_time_is_told_before(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a clock that only the encoder moves, by three seconds an image."""
    model, now = model_that_finds(1.0), [0.0]

    def encode(images: torch.Tensor) -> torch.Tensor:
        now[0] += 3
        return images

    object.__setattr__(model, "encode", encode)
    monkeypatch.setattr(outlining, "time", SimpleNamespace(monotonic=lambda: now[0]))
    assert seconds_of(model, data, 1) == 3 * 10
    assert 0 < seconds_of(model, data, 8) <= 3 * outlining.WINDOWS


def test_the_check_is_on_other_videos(data: Dataset) -> None:
    two = replace(data, records=tuple(replace(r, group="ab"[i % 2]) for i, r in enumerate(data.records)))
    looks = looks_at(model_that_finds(1.0), refiner(), two, 1, 0)
    alone = looks_at(model_that_finds(1.0), refiner(), two.select(range(0, 10, 2)), 1, 0)
    assert looks is not None and alone is not None
    assert looks.checked.sum() == len(alone) and bool(alone.checked.all())


def test_images_without_instances_are_passed_over(data: Dataset) -> None:
    bare = [replace(record, rles=(), concepts=(), queries=()) for record in data.records]
    mixed = replace(data, records=(*bare, *data.records))
    looks, same = (looks_at(model_that_finds(1.0), refiner(), d, 1, 0) for d in (data, mixed))
    assert looks is not None and same is not None and len(looks) == len(same)


def test_what_is_passed_counts_thresholds() -> None:
    shares = torch.zeros(1, 1, 10, 10)
    shares[..., :10, :] = 1
    logits = torch.full((1, 1, 10, 10), -1.0)
    logits[..., :7, :] = 1  # an IoU of 0.7: 0.5 to 0.7
    assert passed(logits, shares) == pytest.approx(0.5)
    assert passed(-logits, shares) == 0 and passed(shares, shares) == 1
