"""The original code's numbers at full size, from a file in Meta's layout with stand-in weights.

    python tests/by_hand/official_boxes.py official_boxes.npz test_image.jpg bpe_simple_vocab_16e6.txt.gz

official_boxes.npz holds what the original code answers to the photo with the phrase "shoe", one + box and one - box,
when each tensor of its file is drawn by its own name (tests/reference/standin_weights.py). Needs 4 GB of disk, 8 GB of
memory and a few minutes; prints one line an output, and fails where one differs by more than 1e-3.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

REFERENCE = Path(__file__).parents[1] / "reference"
sys.path[:0] = [str(REFERENCE), str(Path(__file__).parents[2])]

import standin_weights  # noqa: E402

import argus  # noqa: E402
from argus.inference.preprocess import read_image  # noqa: E402
from argus.ops.pixels import to_model_input  # noqa: E402

TOLERANCE = 1e-3
PROMPT = argus.Prompt("shoe", [[0.4, 0.5, 0.2, 0.3], [0.7, 0.6, 0.1, 0.2]], [1, 0])


def write_standin(path: Path) -> None:
    """A `sam3.pt` of the published names and shapes; the rotary tables, which we never read, are zeros."""
    listed = json.loads((REFERENCE / "meta_sam3_state_dict.json").read_text())
    tensors = {
        name: torch.zeros(shape, dtype=torch.complex64) if "freqs_cis" in name else standin_weights.draw(name, shape)
        for name, (shape, _) in listed.items()
    }
    torch.save({"model": tensors}, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("expected", type=Path, help="official_boxes.npz")
    parser.add_argument("image", type=Path, help="the photo")
    parser.add_argument("tokenizer", type=Path, help="CLIP's merges file")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sam3.pt"
        write_standin(path)
        start = time.monotonic()
        model = argus.load(path, "cpu", "fp32", given.tokenizer)
        print(f"loaded in {time.monotonic() - start:.1f} s")
        start = time.monotonic()
        with torch.inference_mode():
            features = model.encode(to_model_input(read_image(given.image), model.image_size_hw)[None])
            print(f"encoded in {time.monotonic() - start:.1f} s")
            out = model.detect(features, [PROMPT], all_masks=True, semantic=True)
    ours = {
        "pred_logits": out.query_logits[..., None],
        "pred_boxes": out.boxes_cxcywh_norm,
        "presence_logit_dec": out.presence_logits[:, None],
        "pred_masks": out.mask_logits[:, :8, ::4, ::4],
        "semantic_seg": out.semantic_logits[:, :, ::4, ::4],
    }
    expected = np.load(given.expected)
    worst = 0.0
    for name, value in ours.items():
        error = float(np.abs(value.numpy() - expected[name]).max())
        worst = max(worst, error)
        print(f"{name:20} max |difference| {error:.1e}, max |value| {np.abs(expected[name]).max():.2f}")
    if not worst <= TOLERANCE:
        sys.exit(f"differs by {worst:.1e}, more than {TOLERANCE:.0e}")


if __name__ == "__main__":
    main()
