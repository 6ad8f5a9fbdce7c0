"""Whole photos as stills and clips: only free ones, outlines that fit, and motion that is known."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from argus.data.sources.scenes import ClipConfig, has_photos, photo_clip, prepare_whole_photos
from argus.ops import rle

BOX = (30, 20, 80, 70)  # of the red object in the photo, xyxy


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A free photo of a red square on a textured ground, and one that is not free."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    ground = rng.integers(0, 120, (12, 16, 3), np.uint8)
    photo = np.array(Image.fromarray(ground).resize((128, 96), Image.Resampling.BICUBIC))
    mask = np.zeros((96, 128), bool)
    mask[BOX[1] : BOX[3], BOX[0] : BOX[2]] = True
    photo[mask] = (250, 20, 20)
    for name in ("free", "bound"):
        Image.fromarray(photo).save(folder / f"{name}.png")
    images = [
        {"id": index, "file_name": f"{name}.png", "height": 96, "width": 128, "free_to_train": name == "free"}
        for index, name in enumerate(("free", "bound"))
    ]
    outline = rle.to_coco(rle.encode(mask))
    annotations = [{"image_id": index, "segmentation": outline} for index in (0, 1)]
    annotations.append({"image_id": 0, "segmentation": outline, "iscrowd": 1})
    path = folder / "instances.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations}))
    assert not has_photos(folder / "cache")
    assert prepare_whole_photos(path, folder, folder / "cache") == 1
    assert has_photos(folder / "cache")
    return folder / "cache"


@pytest.mark.parametrize("seed", range(4))
def test_outlines_move_with_the_photo(cache: Path, seed: int) -> None:
    clip = photo_clip(ClipConfig(cache_folder=cache, size=96, frames=4, difficulty=0.4), seed)
    assert clip.masks.shape[:2] == (4, 1)
    red = (clip.frames[..., 0] > 2.0 * clip.frames[..., 1:].max(-1)) & (clip.frames[..., 0] > 130)
    both, either = (red & clip.masks[:, 0]).sum(), (red | clip.masks[:, 0]).sum()
    assert both / either > 0.85


def test_the_same_seed_gives_the_same_clip(cache: Path) -> None:
    config = ClipConfig(cache_folder=cache, size=64, frames=3)
    one, other = photo_clip(config, 5), photo_clip(config, 5)
    assert np.array_equal(one.frames, other.frames) and np.array_equal(one.masks, other.masks)
    assert not np.array_equal(one.frames, photo_clip(config, 6).frames)


def test_known_motion_leads_masks_onto_each_other(cache: Path) -> None:
    config = ClipConfig(cache_folder=cache, size=96, frames=3)
    clip = next(clip for clip in (photo_clip(config, seed) for seed in range(20)) if clip.flow is not None)
    known = ~np.isnan(clip.flow[0, ..., 0])
    assert known.mean() > 0.2
    y, x = known.nonzero()
    before = np.rint(clip.flow[0][known] + np.stack((x, y), -1)).astype(int)
    agree = clip.masks[0, 0][before[:, 1], before[:, 0]] == clip.masks[1, 0][known]
    assert agree.mean() > 0.97


def test_what_was_not_prepared_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--photos"):
        photo_clip(ClipConfig(cache_folder=tmp_path, size=64), 0)
