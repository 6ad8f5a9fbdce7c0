"""The tiny reference models of transformers, and what they answer to our prompts."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import files
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from argus.model.tokenizer import Tokenizer
from argus.types import Prompt

REFERENCE = Path(__file__).parent / "reference"
NO_BOX = -10  # the label of a box that is masked: with one, the reference keeps the exemplars' CLS token


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The outputs that both sides have; boxes are xyxy."""

    query_logits: Tensor
    presence_logits: Tensor
    boxes_xyxy_norm: Tensor
    mask_logits: Tensor
    semantic_logits: Tensor


@lru_cache
def merges_file() -> Path:
    """CLIP's merges file, found inside the installed open_clip_torch (which is not imported)."""
    name = "bpe_simple_vocab_16e6.txt.gz"
    return next(Path(str(f.locate())) for f in files("open_clip_torch") or [] if f.name == name)


@lru_cache
def reference(kind: str, size_px: int = 224) -> Any:
    """A reference model with random weights, "detector" or "video", for square images of `size_px`."""
    sys.path.insert(0, str(REFERENCE))
    try:
        import tiny_reference
    finally:
        sys.path.remove(str(REFERENCE))
    sys.modules["torchvision.ops.roi_align"]._has_ops = lambda: True  # else it compiles its own for half a minute
    return tiny_reference.build(kind, size=size_px)


def ask_reference(model: Any, tokenizer: Tokenizer, images: Tensor, prompts: Sequence[Prompt]) -> Answer:
    """Answer prompts as our `detect` does; boxes are padded, and a prompt without any gets a masked one."""
    tokens = tokenizer([p.phrase for p in prompts])
    count = max(1, *(len(p.box_labels) for p in prompts))
    boxes = torch.full((len(prompts), count, 4), 0.5)
    labels = torch.full((len(prompts), count), NO_BOX)
    for row, prompt in enumerate(prompts):
        boxes[row, : len(prompt.box_labels)] = prompt.boxes_cxcywh_norm
        labels[row, : len(prompt.box_labels)] = prompt.box_labels
    with torch.no_grad():
        out = model(
            pixel_values=images[[p.image for p in prompts]],
            input_ids=tokens.ids,
            attention_mask=(~tokens.padding).long(),
            input_boxes=boxes,
            input_boxes_labels=labels,
        )
    return Answer(
        query_logits=out.pred_logits,
        presence_logits=out.presence_logits[:, 0],
        boxes_xyxy_norm=out.pred_boxes,
        mask_logits=out.pred_masks,
        semantic_logits=out.semantic_seg,
    )
