"""What `argus info` shows."""

from pathlib import Path

import torch

from argus.checkpoint import inspect
from argus.model.sam3 import Sam3
from tests.checkpoint.meta_file import to_meta
from tests.reference_models import reference


def test_our_layout(small: Sam3, native: Path) -> None:
    found = inspect(native)
    assert (found.layout, found.config, found.dtypes, found.points) == ("Argus", small.config, ("fp32",), True)
    assert found.parameters == sum(p.numel() for p in small.parameters())
    parts = {part.name: part.parameters for part in found.parts}
    assert parts["vision encoder"] == sum(p.numel() for p in small.vision.parameters())
    assert parts["mask head"] == sum(p.numel() for p in small.detector.mask_head.parameters())
    assert found.tokenizer == native / "tokenizer.json"
    assert found.training == {"steps": 3}
    assert found.report.fits


def test_hugging_face_layout(video: Path) -> None:
    found = inspect(video)
    assert (found.layout, found.points, found.tokenizer) == ("Hugging Face (Sam3VideoModel)", False, None)
    video_model = reference("video")
    used = [p for n, p in video_model.named_parameters() if not is_unused(n)]
    buffers = [b for n, b in video_model.named_buffers() if n.endswith("positional_embedding")]
    assert found.parameters == sum(p.numel() for p in [*used, *buffers])
    assert len(found.report.unused) == 9 + 5


def is_unused(name: str) -> bool:
    stage = any(f"detector_model.mask_decoder.pixel_decoder.{kind}.2." in name for kind in ("conv_layers", "norms"))
    others = ("fpn_layers.3.", "text_encoder.text_projection.weight", "no_memory_positional_encoding")
    return stage or any(other in name for other in others)


def test_meta_layout_reads_no_weights(small: Sam3, native: Path) -> None:
    stored = to_meta(small)
    stored["detector.surprise"] = torch.zeros(1)
    del stored["detector.transformer.decoder.norm.bias"]
    torch.save(stored, native / "sam3.pt")
    found = inspect(native / "sam3.pt")  # no error: what does not fit is shown
    assert found.layout == "Meta (sam3.pt)"
    assert found.report.missing == ("detector.transformer.decoder.norm.bias",)
    assert found.report.unexpected == ("detector.surprise",)
    assert "fp32" in found.dtypes
