"""Argus segments and tracks every instance of any concept, given a phrase, example boxes, clicks, or any mix."""

from importlib.metadata import PackageNotFoundError, version

from argus.checkpoint import load, save
from argus.inference.image import ImagePredictor
from argus.inference.policy import VideoPolicy
from argus.inference.video import VideoPredictor
from argus.types import Detections, Masklet, Prompt

__all__ = [
    "Detections",
    "ImagePredictor",
    "Masklet",
    "Prompt",
    "VideoPolicy",
    "VideoPredictor",
    "__version__",
    "load",
    "save",
]

try:
    __version__ = version("argus-sam")
except PackageNotFoundError:  # run from a checkout that was not installed
    __version__ = "unknown"
