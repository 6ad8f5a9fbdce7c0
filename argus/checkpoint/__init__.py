"""Models read from and written to files: our own layout, the Hugging Face one, and Meta's."""

from argus.checkpoint.inspecting import Inspection, Part, inspect
from argus.checkpoint.loading import load
from argus.checkpoint.report import Report
from argus.checkpoint.saving import save

__all__ = ["Inspection", "Part", "Report", "inspect", "load", "save"]
