"""The detector with its tracker gives the reference's numbers on random weights over 8 frames, piece by piece, where
the reference is mended to follow the original."""

import copy
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn import functional as F

import argus
from argus.inference.follow import Concept, Place, Step, detect, step
from argus.inference.policy import VideoPolicy
from argus.model.sam3 import Sam3
from argus.ops.nms import greedy_nms
from tests.reference_models import NO_BOX, merges_file, reference
from tests.test_parity_tracking import clip, difference, follow_original

TOLERANCE = 1e-4
BF16 = 2**-8  # its rounding
SIZE, FRAMES = 224, 8
UNSEEN = np.zeros((SIZE, SIZE, 3), np.uint8)  # published models have no namer that looks at pixels
POLICY = VideoPolicy(detection_score=0.1, birth_score=0.1, recondition_every=0)
# In frame 6 alone: from the frame after the next on, the original takes ranks of good frames, the reference distances.
RECONDITIONED = replace(POLICY, recondition_every=6, recondition_score=0.1, recondition_iou=0.1)
PHRASES = ("dog", "a red car")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Sam3:
    folder = tmp_path_factory.mktemp("video")
    reference("video").save_pretrained(folder)
    return argus.load(folder, "cpu", "fp32", tokenizer=merges_file())


@pytest.mark.parametrize("policy", [POLICY, RECONDITIONED], ids=["plain", "reconditioned"])
@pytest.mark.parametrize("phrases", [PHRASES[:1], PHRASES], ids=["one", "two"])
def test_detector_and_tracker_over_eight_frames(model: Sam3, phrases: tuple[str, ...], policy: VideoPolicy) -> None:
    assert max(errors(model, phrases, policy)) <= TOLERANCE


def test_detections_are_the_reference_s(model: Sam3) -> None:
    """Before any tracking: masks and scores of the queries that pass the threshold and NMS."""
    theirs = watched(model, PHRASES[:1], POLICY).detections
    for frame in range(FRAMES):
        with torch.no_grad():
            features = model.encode(clip(FRAMES)[frame : frame + 1])
            ours = detect(model, features, UNSEEN, [Concept(id=0, text=PHRASES[0])], frame, POLICY)
        assert difference(torch.from_numpy(ours.scores), theirs[frame]["scores"]) <= TOLERANCE
        assert difference(ours.mask_logits, theirs[frame]["mask"]) <= TOLERANCE


def pointer(model: Sam3) -> None:
    model.tracker.pointer_head.layers[0].weight.zero_()


def memory_map(model: Sam3) -> None:
    model.tracker.memory_encoder.image_project.weight.zero_()


def presence(model: Sam3) -> None:
    model.detector.decoder.presence_head.layers[0].weight.zero_()


@pytest.mark.parametrize("piece", [pointer, memory_map, presence])
def test_a_broken_piece_is_noticed(model: Sam3, piece: Callable[[Sam3], None]) -> None:
    broken = copy.deepcopy(model)
    with torch.no_grad():
        piece(broken)
    assert max(errors(broken, PHRASES[:1], POLICY)) > TOLERANCE


def errors(model: Sam3, phrases: tuple[str, ...], policy: VideoPolicy) -> list[float]:
    """Of masks, scores, remembered maps and pointers; infinite where the ids differ."""
    ours, theirs = followed(model, phrases, policy), watched(model, phrases, policy)
    found = []
    for frame, (mine, other) in enumerate(zip(ours, theirs.frames, strict=True)):
        if {one.id - 1 for one in mine.seen} != set(other.obj_id_to_mask) - other.removed_obj_ids:
            return [float("inf")]
        for one in mine.seen:
            found.append(difference(one.mask_logits, other.obj_id_to_mask[one.id - 1][0]))
            found.append(abs(one.score - other.obj_id_to_tracker_score[one.id - 1]))
        for one in mine.objects:
            banks = theirs.session.output_dict_per_obj[theirs.session.obj_id_to_idx(one.id - 1)]
            entry, kind = one.bank.tracked.get(frame), "non_cond_frame_outputs"
            if entry is None:
                entry, kind = one.bank.prompted[frame], "cond_frame_outputs"
            maps = difference(entry.map.float(), banks[kind][frame]["maskmem_features"][:, 0].float())
            found.append(maps * TOLERANCE / BF16)  # both keep maps in bf16
            found.append(difference(entry.pointer, banks[kind][frame]["object_pointer"][0]))
    return found


def followed(model: Sam3, phrases: tuple[str, ...], policy: VideoPolicy) -> list[Step]:
    concepts = [Concept(id=-1 - index, text=phrase) for index, phrase in enumerate(phrases)]
    steps: list[Step] = []
    with torch.no_grad():
        for frame in range(FRAMES):
            objects, next_id = (steps[-1].objects, steps[-1].next_id) if steps else ((), 1)
            features = model.encode(clip(FRAMES)[frame : frame + 1])
            place = Place(frame=frame, frames=FRAMES)
            steps.append(step(model, features, UNSEEN, objects, concepts, place, policy, next_id, room=100))
    return steps


@dataclass(frozen=True)
class Watched:
    """What the reference gives: its answers to all frames, its detections, and its session at the end."""

    frames: list[Any]
    detections: list[dict[str, Tensor]]
    session: Any


@lru_cache
def watched(model: Sam3, phrases: tuple[str, ...], policy: VideoPolicy) -> Watched:
    from transformers.models.sam3_video.modeling_sam3_video import Sam3VideoInferenceSession

    detections: list[dict[str, Tensor]] = []
    mended = mend(copy.deepcopy(reference("video")), policy, detections)
    session = Sam3VideoInferenceSession(video=clip(FRAMES), dtype=torch.float32, video_height=SIZE, video_width=SIZE)
    for phrase in phrases:
        prompt = session.add_prompt(phrase)
        tokens = model.tokenizer([phrase])
        session.prompt_input_ids[prompt] = tokens.ids
        session.prompt_attention_masks[prompt] = (~tokens.padding).long()
    frames = [mended(session, frame_idx=frame) for frame in range(FRAMES)]
    return Watched(frames, detections, session)


def mend(theirs: Any, policy: VideoPolicy, detections: list[dict[str, Tensor]]) -> Any:
    """The reference with the original's ways: a phrase keeps the exemplars' CLS token, detections go through NMS, small
    holes and specks are cleaned, new masks enter at the memory encoder's size, masklets shrink at that size, and
    reconditioning feeds the detection's mask to the pointer."""
    module = sys.modules[type(theirs).__module__]
    encode = theirs.tracker_model._encode_new_memory
    follow_original(theirs.tracker_model)
    theirs.tracker_model._encode_new_memory = encode
    full = [4 * n for n in theirs.tracker_model.prompt_encoder.mask_input_size]
    theirs.score_threshold_detection, theirs.new_det_thresh = policy.detection_score, policy.birth_score
    theirs.recondition_every_nth_frame = policy.recondition_every
    theirs.high_conf_thresh, theirs.high_iou_thresh = policy.recondition_score, policy.recondition_iou
    detector, add, merge = (
        theirs.detector_model.forward,
        theirs._tracker_add_new_objects,
        theirs._merge_detections_from_prompts,
    )
    grouped, prepare, remember = (
        theirs._suppress_object_pw_area_shrinkage,
        theirs._prepare_recondition_masks,
        theirs._tracker_update_memories,
    )
    again: dict[int, Tensor] = {}

    def with_a_masked_box(**named: Any) -> Any:
        return detector(**named, input_boxes=torch.full((1, 1, 4), 0.5), input_boxes_labels=torch.full((1, 1), NO_BOX))

    def enlarged(masks: Tensor) -> Tensor:
        return F.interpolate(masks, full, mode="bilinear") if list(masks.shape[-2:]) != full else masks

    def add_at_full_size(self: Any, new_obj_masks: Tensor, **named: Any) -> Any:
        return add(new_obj_masks=(enlarged(new_obj_masks[:, None])[:, 0] > 0).float(), **named)

    def merge_and_note(*given: Any) -> Any:
        merged = merge(*given)
        detections.append(merged[0])
        return merged

    def prepare_and_note(**named: Any) -> Any:
        masks, ids = prepare(**named)
        again.clear()
        for id in ids:
            mask = named["det_out"]["mask"][named["trk_id_to_max_iou_high_conf_det"][id]]
            again[named["inference_session"].obj_id_to_idx(id)] = (enlarged(mask[None, None]) > 0).float()
        return masks, ids

    def remember_and_prompt(**named: Any) -> None:
        remember(**named)
        session, frame = named["inference_session"], named["frame_idx"]
        levels = session.cache.get_vision_features(frame)["vision_feats"]
        shaped = [level.permute(1, 2, 0).unflatten(2, [int(len(level) ** 0.5)] * 2) for level in levels]
        for row, mask in again.items():
            out = theirs.tracker_model._use_mask_as_output(shaped[-1], shaped[:-1], mask)
            session.output_dict_per_obj[row]["cond_frame_outputs"][frame]["object_pointer"] = out.object_pointer
        again.clear()

    theirs._merge_detections_from_prompts = merge_and_note
    theirs._prepare_recondition_masks, theirs._tracker_update_memories = prepare_and_note, remember_and_prompt
    theirs.detector_model.forward = with_a_masked_box
    theirs._tracker_add_new_objects = types.MethodType(add_at_full_size, theirs)
    theirs._suppress_object_pw_area_shrinkage = lambda masks, prompts=None: grouped(enlarged(masks), prompts)
    module.nms_masks = nms_masks
    module._get_connected_components_with_padding = components
    return theirs


def nms_masks(pred_probs: Tensor, pred_masks: Tensor, prob_threshold: float, iou_threshold: float) -> Tensor:
    valid = pred_probs > prob_threshold
    masks = (pred_masks[valid] > 0).flatten(1).float()
    both = masks @ masks.T
    iou = both / (masks.sum(1)[:, None] + masks.sum(1)[None] - both).clamp(min=1)
    keep = torch.zeros_like(valid)
    keep[valid.nonzero()[:, 0][greedy_nms(iou, pred_probs[valid], iou_threshold)]] = True
    return keep


def components(mask: Tensor) -> tuple[Tensor, Tensor]:
    labels, areas = torch.zeros_like(mask, dtype=torch.int32), torch.zeros_like(mask, dtype=torch.int32)
    for index in range(len(mask)):
        found, _ = ndimage.label(mask[index, 0].numpy(), np.ones((3, 3)))
        sizes = np.bincount(found.ravel())
        labels[index, 0], areas[index, 0] = torch.from_numpy(found), torch.from_numpy(sizes[found])
    return labels, areas
