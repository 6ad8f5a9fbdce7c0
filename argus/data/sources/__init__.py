"""Where labelled images come from: scenes made here, published data sets, and people's own data."""

from argus.data.sources.opening import open_data

__all__ = ["open_data"]
