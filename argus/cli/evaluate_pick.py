"""`argus eval --task pick`: single objects picked by their box."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from argus.cli.common import print_json
from argus.cli.scoring import exit_if_failed, failed_records, score_each

if TYPE_CHECKING:
    import numpy as np

    from argus.data.sources.coco import BoxedObjects
    from argus.eval.pick import PickByBox
    from argus.model.sam3 import Sam3
    from argus.ops.rle import Rle


def evaluate_pick(
    objects: Path,
    images: Path,
    load: "Callable[[], Sam3]",
    *,
    min_area: float,
    leave_out: str | None,
    zoom: bool | None,
    as_json: bool,
) -> None:
    """The mean IoU of the model, and of the filled box, over all objects."""
    import numpy as np

    from argus.data.sources.coco import read_boxed
    from argus.eval import pick

    asked = read_boxed(objects, min_area_px=min_area, leave_out=leave_out)
    by_path = [(images / image.file_name, image) for image in asked]
    picked = pick_function(load(), zoom)

    def score(image: "BoxedObjects") -> "list[tuple[float, float]]":
        ours = pick.evaluate_pick(image, images, picked)
        filled = pick.evaluate_pick(image, images, lambda *_: pick.filled_boxes(image))
        return list(zip(ours.tolist(), filled.tolist(), strict=True))

    scores, failed = score_each(by_path, score)
    if not scores:
        raise ValueError(
            f"expected objects to score, outlined by polygons and of {min_area:g} px or more, got {len(asked)} images "
            f"with such objects, of which {len(failed)} failed"
        )
    mean, mean_filled = np.mean(scores, axis=0).tolist()
    count = len(by_path) - len(failed)
    if as_json:
        print_json(
            {
                "mean_iou": mean,
                "filled_box": mean_filled,
                "objects": len(scores),
                "images": count,
                "failed": failed_records(failed),
            }
        )
    else:
        typer.echo(
            f"mean IoU {mean:.3f} over {len(scores)} objects in {count} images; the filled box {mean_filled:.3f}"
        )
    exit_if_failed(failed, len(by_path), "images", "their objects are not scored")


def pick_function(model: "Sam3", zoom: bool | None = None) -> "PickByBox":
    """The model as the evaluator wants it: an image is encoded once, its boxes are asked in one batch."""
    from argus.inference.image import ImagePredictor

    predictor = ImagePredictor(model)

    def pick(image: Path, boxes_xyxy_px: "np.ndarray") -> "tuple[Rle, ...]":
        return predictor.set_image(image).pick(box=boxes_xyxy_px, multimask=False, zoom=zoom).rles

    return pick
