"""The tracker's stage: what it learns from, what it leaves alone, and that its steps are those of use."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from argus.data.clips import Clip
from argus.data.collate_clips import BOX, CLICK, MASK, ClipBatch, ClipBatches, FirstMix, Followed, Lesson
from argus.data.sources.scenes import SceneConfig
from argus.model.mask_decoder import Decoded
from argus.model.prompt_encoder import NEGATIVE, POSITIVE
from argus.model.sam3 import Sam3
from argus.model.tracker import TrackerConfig, TrackerFeatures
from argus.ops.pixels import normalised
from argus.train.following import Record, error_clicks, follow_clip
from argus.train.new_parts import with_tracker
from argus.train.stages.tracker import TrackerLearner
from argus.train.start import starting_model
from argus.train.tracker_criterion import Judged, TrackerCriterion, TrackerLossConfig, TrackerLosses
from tests.train.toys import COLOURS, tiny_model

TRACKER = TrackerConfig(
    width=32, heads=2, mlp_width=32, memory_width=16, memory_layers=1, memory_mlp_width=32, memory_stride=2
)
SIZE, HW = 48, (48, 48)
CELL = 2  # pixels of a cell of the masks' grid


def toy_clip(seed: int, frames: int = 4) -> Clip:
    """Two squares that move to the right; the second one is hidden in the second frame, and the third is never."""
    rng = np.random.default_rng(seed)
    images = np.full((frames, SIZE, SIZE, 3), 128, np.uint8)
    masks = np.zeros((frames, 2, SIZE, SIZE), bool)
    flow = np.zeros((frames - 1, SIZE, SIZE, 2), np.float32)
    left, tops = int(rng.integers(2, 10)), (4, 26)
    for frame in range(frames):
        for row in (0, 1):
            if (frame, row) != (1, 1):
                masks[frame, row, tops[row] : tops[row] + 16, left + 4 * frame : left + 4 * frame + 16] = True
                images[frame][masks[frame, row]] = list(COLOURS.values())[row]
    for step in range(frames - 1):
        flow[step][masks[step + 1].any(0)] = (-4, 0)
    return Clip(frames=images, masks=masks, concepts=("a", "b"), queries=(), flow=flow, name=f"toy-{seed}")


def toy_still(seed: int) -> Clip:
    clip = toy_clip(seed)
    return replace(clip, frames=clip.frames[:1], masks=clip.masks[:1], flow=None)


def batches(**clip_mix: float) -> ClipBatches:
    mix = FirstMix(box=0.5, click=0.5)
    return ClipBatches(
        lessons=(Lesson(until=9, stills=2, clips=1, still=toy_still, clip=toy_clip),),
        pick_mix=mix,
        clip_mix=replace(mix, **clip_mix),
        mask_cells=CELL,
        seeds=1000,
    )


def toy_tracker() -> Sam3:
    torch.manual_seed(0)
    return with_tracker(tiny_model(), TRACKER, 0)


def followed(model: Sam3, clip: Followed, record: Record) -> object:
    assert model.tracker is not None
    with torch.no_grad():
        trunk = model.vision(normalised(clip.frames.permute(0, 3, 1, 2)))
    return follow_clip(model.tracker, trunk, clip, HW, record)


def same(a: object, b: object) -> bool:
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)  # type: ignore[arg-type]
    if isinstance(a, tuple):
        return all(same(x, y) for x, y in zip(a, b, strict=True))  # type: ignore[call-overload]
    if a is None or isinstance(a, str | int):
        return a == b
    return all(same(value, vars(b)[name]) for name, value in vars(a).items())


def test_a_batch_is_the_same_whenever_it_is_made() -> None:
    assert same(batches()(3), batches()(3))
    assert not same(batches()(3), batches()(4))


@pytest.mark.parametrize(("mix", "kind"), [((1.0, 0.0), BOX), ((0.0, 1.0), CLICK), ((0.0, 0.0), MASK)])
def test_objects_are_pointed_out_where_they_are(mix: tuple[float, float], kind: int) -> None:
    clip = replace(batches(box=mix[0], click=mix[1], jitter=0.0), pick_mix=FirstMix(box=mix[0], click=mix[1], jitter=0))
    stills = clip(0).stills
    assert (stills.first.kinds == kind).all()
    for index, mask in enumerate(stills.masks):
        x, y = (stills.first.clicks_xy_norm[index] * SIZE).floor().long().tolist()
        assert mask[y, x]
        ys, xs = mask.nonzero(as_tuple=True)
        tight = torch.tensor([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]) + 0.5
        assert torch.allclose(stills.first.boxes_xyxy_norm[index] * SIZE, tight)


def test_an_object_is_pointed_out_when_it_first_appears() -> None:
    def late(seed: int) -> Clip:
        clip = toy_clip(seed)
        clip.masks[:2, 0] = False
        return clip

    clip = replace(batches(), lessons=(replace(batches().lessons[0], clip=late),))(0).clips[0]
    assert clip.born.tolist() == [0, 2]
    memory = followed(toy_tracker(), clip, Record())
    assert [min(bank.prompted) for bank in memory.banks] == [0, 2]  # type: ignore[attr-defined]


def test_ways_lead_to_where_the_frame_before_showed_it() -> None:
    clip = batches()(0).clips[0]
    assert clip.ways_xy_norm is not None and clip.ways_xy_norm.shape == (3, 24, 24, 2)
    inside = clip.masks[1].any(0)[1::CELL, 1::CELL]
    x = (torch.arange(24) + 0.5) / 24
    assert torch.allclose(clip.ways_xy_norm[0, ..., 0][inside], (x.expand(24, 24) - 4 / SIZE)[inside], atol=1e-5)


def test_clicks_go_where_the_answer_is_wrong() -> None:
    truth = torch.zeros(3, 8, 8)
    truth[:, 2:5, 2:5] = 1
    logits = truth * 20 - 10
    logits[0, 2:5, 2:4] = -10  # misses all but a column
    logits[1, 6, 6] = 10  # one cell too much
    clicks = error_clicks(logits, truth)
    assert [labels.tolist() for _, labels in clicks] == [[POSITIVE], [NEGATIVE], [POSITIVE]]
    cells = [(points[0] * 8).long().tolist() for points, _ in clicks]
    assert cells[0][0] in (2, 3) and cells[1] == [6, 6]
    assert truth[2, cells[2][1], cells[2][0]] == 1  # nothing is wrong: on the object


def test_corrected_frames_are_conditioning_frames() -> None:
    clip = batches(corrections=0)(1).clips[0]
    corrected = torch.zeros_like(clip.corrected)
    corrected[2, 0] = True
    memory = followed(toy_tracker(), replace(clip, corrected=corrected), Record())
    assert [set(bank.prompted) for bank in memory.banks] == [{0, 2}, {0}]  # type: ignore[attr-defined]
    assert all(2 not in bank.tracked for bank in memory.banks[:1])  # type: ignore[attr-defined]


def test_a_later_frame_teaches_the_memory() -> None:
    model, record = toy_tracker(), Record()
    followed(model, batches(corrected_clips=0)(0).clips[0], record)
    assert len(record.carried) == 3
    TrackerCriterion(TrackerLossConfig())([], record.carried[-1:], [], []).total.backward()
    assert model.tracker is not None
    tracker = model.tracker
    for part in (tracker.memory_encoder.convs, tracker.memory_attention, tracker.pointer_head, tracker.pointer_time):
        assert all(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in part.parameters() if p.ndim > 1)
    assert model.vision.patch_embed.weight.grad is None


def test_objects_that_are_not_there_give_no_mask_loss() -> None:
    decoded = Decoded(
        mask_logits=torch.randn(2, 4, 6, 6, requires_grad=True),
        iou_scores=torch.rand(2, 4).requires_grad_(),
        tokens=torch.zeros(2, 4, 8),
        object_logits=torch.zeros(2, requires_grad=True),
    )
    seen = torch.tensor([True, False])
    judged = Judged(decoded=decoded, wanted=torch.rand(2, 6, 6), seen=seen)
    TrackerCriterion(TrackerLossConfig())([judged], [], [], []).total.backward()
    masks, ious, scores = decoded.mask_logits.grad, decoded.iou_scores.grad, decoded.object_logits.grad
    assert masks is not None and ious is not None and scores is not None
    assert masks[0].abs().sum() > 0 and masks[1].abs().sum() == 0
    assert ious[0].abs().sum() > 0 and ious[1].abs().sum() == 0
    assert scores[0] < 0 < scores[1]


def train_on(learner: TrackerLearner, batch: ClipBatch, steps: int) -> list[TrackerLosses]:
    optimizer = torch.optim.AdamW([p for p in learner.parameters() if p.requires_grad], 1e-2)
    curve = []
    for step in range(steps):
        torch.manual_seed(step)
        losses = learner(batch, learner.totals([batch]))
        optimizer.zero_grad()
        losses.total.backward()
        optimizer.step()
        curve.append(losses)
    return curve


def test_one_batch_overfits_and_the_rest_of_the_model_stays() -> None:
    model = toy_tracker()
    learner = TrackerLearner(model, TrackerLossConfig()).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    batch = replace(batches(), lessons=(replace(batches().lessons[0], stills=1, picked=1, followed=1),))(0)
    curve = train_on(learner, batch, 30)
    assert max(curve[0].pick_iou, curve[0].track_iou) < 0.3
    assert min(curve[-1].pick_iou, curve[-1].track_iou) > 0.6
    assert curve[-1].dice < 0.5 * curve[0].dice
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed and all(name.startswith("tracker.") for name in changed)
    assert not any(name.endswith("frequencies") for name in changed)


def test_a_new_tracker_leaves_the_model_as_it_is() -> None:
    old, model = tiny_model(), None
    model = with_tracker(old, TRACKER, 0)
    assert model.origin is old.origin
    assert all(torch.equal(model.state_dict()[name], value) for name, value in old.state_dict().items())
    assert model.tracker is not None
    assert torch.equal(model.tracker.neck.x4.smooth.weight, old.detector.neck.x4.smooth.weight)
    image = torch.rand(1, 3, SIZE, SIZE)
    assert isinstance(model.encode(image).tracker, TrackerFeatures)
    again = with_tracker(old, TRACKER, 0)
    assert torch.equal(again.tracker.memory_time, model.tracker.memory_time)  # type: ignore[union-attr]


def test_a_tracker_needs_weights_to_start_from() -> None:
    with pytest.raises(ValueError, match="--start"):
        starting_model(None, SceneConfig(cache_folder=Path()), 0, needs="tracker")
    with pytest.raises(ValueError, match="with_tracker"):
        TrackerLearner(tiny_model(), TrackerLossConfig())
