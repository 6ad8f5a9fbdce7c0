"""Evaluators: they take files, or a function that predicts, and give named values; none knows the model."""

from argus.eval.cgf1 import PairScore, cgf1, summarise
from argus.eval.evaluate import Predict, by_image, evaluate
from argus.eval.hota import FoundMasklet, PredictVideo, VideoScore, evaluate_videos, phota, summarise_videos
from argus.eval.jf import JF, Propagate, evaluate_vos, mean_jf
from argus.eval.pick import PickByBox, evaluate_pick

__all__ = [
    "JF",
    "FoundMasklet",
    "PairScore",
    "PickByBox",
    "Predict",
    "PredictVideo",
    "Propagate",
    "VideoScore",
    "by_image",
    "cgf1",
    "evaluate",
    "evaluate_pick",
    "evaluate_videos",
    "evaluate_vos",
    "mean_jf",
    "phota",
    "summarise",
    "summarise_videos",
]
