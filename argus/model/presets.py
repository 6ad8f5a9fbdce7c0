"""The two models that Argus knows by name."""

from argus.model.cutter import CutterConfig
from argus.model.detector import DetectorConfig
from argus.model.namer import NamerConfig
from argus.model.sam3 import Sam3Config
from argus.model.text_encoder import TextConfig
from argus.model.tracker import TrackerConfig
from argus.model.vision_encoder import VisionConfig


def sam3() -> Sam3Config:
    """The published sizes: 840M parameters in the detector, 860M with the tracker, images of 1008 x 1008."""
    return Sam3Config(tracker=TrackerConfig())


def nano() -> Sam3Config:
    """Our own small model, trained from scratch and bundled: under 18M parameters, images of 420 x 420.

    Its memories are kept at a third of the token grid, so that many objects cost little; masks are carried by
    matching too, and picked objects are looked at again from closer, or, where a box is all that is said, cut out of
    it. It gives an object to two queries now and then, so that of two masks on it the better one stays, and does not
    read - boxes well in a prompt, so that they are compared with it.
    """
    return Sam3Config(
        vision=VisionConfig(
            width=192,
            layers=8,
            heads=3,
            mlp_width=768,
            window=10,
            global_layers=(1, 3, 5, 7),
            image=420,
            pretrain_image=140,
            rope_image=280,
            settle_outlines=True,
        ),
        text=TextConfig(vocabulary=4096, context=24, width=128, layers=4, heads=4, mlp_width=512),
        detector=DetectorConfig(
            width=128,
            heads=4,
            mlp_width=512,
            exemplar_layers=1,
            fusion_layers=3,
            decoder_layers=3,
            queries=32,
            nms_within=0.5,
            rejects_by_likeness=True,
        ),
        tracker=TrackerConfig(
            width=128,
            heads=4,
            mlp_width=512,
            memory_width=32,
            memory_layers=1,
            memory_mlp_width=256,
            memory_stride=3,
            matching=True,
            look_closer=True,
        ),
        namer=NamerConfig(),
        cutter=CutterConfig(),
    )
