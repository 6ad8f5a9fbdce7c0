"""Evaluators: they take files, or a function that predicts, and give named values; none knows the model."""

from argus.eval.cgf1 import PairScore, cgf1, summarise
from argus.eval.evaluate import Predict, by_image, evaluate

__all__ = ["PairScore", "Predict", "by_image", "cgf1", "evaluate", "summarise"]
