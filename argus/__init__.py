"""Argus segments every instance of any concept in an image, given a phrase, example boxes, points, or any mix."""

from argus.checkpoint import load, save
from argus.inference.image import ImagePredictor
from argus.types import Detections, Prompt

__all__ = ["Detections", "ImagePredictor", "Prompt", "load", "save"]
