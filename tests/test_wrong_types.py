"""Values of wrong types, as people who run no type checker pass them: a ValueError that says what was expected.

The other tests run with every signature checked, which would catch these first; so they run in a process of their own.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

SCRIPT = """
import io
import numpy as np
import torch
import argus
from argus import Detections, ImagePredictor, Prompt
from argus.eval import cgf1
from argus.export import draw
from argus.inference.policy import VideoPolicy
from tests.train.toys import tiny_model, tiny_tracker_model

predictor = ImagePredictor(tiny_model().eval()).set_image(np.zeros((20, 30, 3), np.uint8))
fresh = ImagePredictor(predictor.model)
features = predictor.model.encode(torch.zeros(1, 3, 48, 48))
mask = np.eye(4)[None]
follower = tiny_tracker_model().eval()
session = argus.VideoPredictor(follower).open(np.zeros((2, 20, 30, 3), np.uint8))
session.add(box=[2, 2, 9, 9])
calls = {
    "no image": lambda: fresh.set_image(None),
    "number as image": lambda: fresh.set_image(7),
    "bytes as image": lambda: fresh.set_image(b"bytes"),
    "list as image": lambda: fresh.set_image([[1, 2, 3]]),
    "text file as image": lambda: fresh.set_image(io.StringIO("text")),
    "number as phrase": lambda: predictor.predict(5),
    "numbers as phrases": lambda: predictor.predict([5]),
    "bytes as phrase": lambda: predictor.predict(b"red"),
    "text as threshold": lambda: predictor.predict("red", score_threshold="0.5"),
    "no threshold": lambda: predictor.predict("red", score_threshold=None),
    "no mask threshold": lambda: predictor.predict("red", mask_threshold=None),
    "half a count": lambda: predictor.predict("red", max_count=1.5),
    "text as count": lambda: predictor.predict("red", max_count="two"),
    "phrases to refine": lambda: predictor.refine(["a", "b"]),
    "number to refine": lambda: predictor.refine(5),
    "no source": lambda: argus.load(None),
    "number as source": lambda: argus.load(3),
    "no prompts": lambda: predictor.model.detect(features, iter([])),
    "number as prompts": lambda: predictor.model.detect(features, 5),
    "empty path as predictions": lambda: cgf1([], ""),
    "number as predictions": lambda: cgf1([], 5),
    "number as ground truth": lambda: cgf1(5, []),
    "numbers as ground truth": lambda: cgf1([5], []),
    "number to draw on": lambda: draw(5, Detections.empty((4, 4))),
    "a phrase as prompts": lambda: predictor.model.detect(features, "red"),
    "one prompt as prompts": lambda: predictor.model.detect(features, Prompt("red")),
    "phrases as prompts": lambda: predictor.model.detect(features, ["red"]),
    "array as images": lambda: predictor.model.encode(np.zeros((1, 3, 48, 48), np.float32)),
    "uint8 images": lambda: predictor.model.encode(torch.zeros(1, 3, 48, 48, dtype=torch.uint8)),
    "number as text": lambda: Prompt(5),
    "list as text": lambda: Prompt(["dog"]),
    "half an image index": lambda: Prompt("dog", image=1.5),
    "no image index": lambda: Prompt("dog", image=None),
    "mask of floats": lambda: Detections.from_masks(mask, [0.5], ["dog"]),
    "number as model": lambda: argus.VideoPredictor(5),
    "dict as policy": lambda: argus.VideoPredictor(follower, policy={"hot_start": 3}),
    "list as memory": lambda: argus.VideoPredictor(follower, memory=[2]),
    "half a video": lambda: argus.VideoPredictor(follower).open(5.5),
    "no video": lambda: argus.VideoPredictor(follower).open(None),
    "number as phrase to follow": lambda: session.add(5),
    "phrases to follow": lambda: session.add(["a", "b"]),
    "text as boxes": lambda: session.add("dog", boxes="left"),
    "text as a box": lambda: session.add(box="left"),
    "text as points": lambda: session.add(points="here"),
    "text as labels": lambda: session.add(points=[[1, 1]], labels="+"),
    "text as a mask": lambda: session.add(mask="mask"),
    "half a frame": lambda: session.add(box=[2, 2, 9, 9], frame=1.5),
    "text as masklet": lambda: session.add(box=[2, 2, 9, 9], masklet="1"),
    "list to remove": lambda: session.remove([1]),
    "True to remove": lambda: session.remove(True),
    "text as start": lambda: session.run(start="1"),
    "half a stop": lambda: session.run(stop=1.5),
    "number as direction": lambda: session.run(1),
    "text as hot start": lambda: VideoPolicy(hot_start="3"),
    "no score": lambda: VideoPolicy(birth_score=None),
    "number as a switch": lambda: VideoPolicy(one_to_one=1),
    "mask of bytes": lambda: Detections.from_masks(mask.astype(np.uint8) * 255, [0.5], ["dog"]),
}
for name, call in calls.items():
    try:
        call()
    except ValueError as error:
        assert "xpected" in str(error), (name, error)
    else:
        raise AssertionError(f"{name}: accepted")
prompts = [Prompt("red"), Prompt("blue")]
listed, generated = (predictor.model.detect(features, given).query_logits for given in (prompts, iter(prompts)))
assert torch.equal(listed, generated)
assert len(predictor.predict("red", score_threshold=np.float32(0), max_count=np.int64(2))) == 2
print(len(calls), "refused")
"""


def test_wrong_types_are_refused_without_a_type_checker() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "57 refused"
