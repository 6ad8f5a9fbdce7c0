"""Find, refine and save: `python examples/segment.py` (writes to out/)."""

from pathlib import Path

import argus

IMAGE = Path(__file__).parent / "bears.jpg"

model = argus.load("nano")
predictor = argus.ImagePredictor(model).set_image(IMAGE)  # encoded once
bears = predictor.predict("bear")
for concept, score, box in zip(bears.concept, bears.scores, bears.boxes_xyxy_px, strict=True):
    print(f"{concept}: {score:.2f} at {box.round().tolist()}")

refinement = predictor.refine("bear")
refinement.add_box([335, 290, 415, 385])  # one that was missed: + ; only the light part of the model runs again
refinement.add_box([140, 85, 240, 200], positive=False)  # one that is wrong: -
refinement.undo()
print(len(refinement.detections), "after refinement")

bears.save("out", ["coco", "overlay"], image=IMAGE, stem="bears")
