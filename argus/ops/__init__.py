"""Pure functions on tensors and arrays. Import the modules: `from argus.ops import boxes, masks, nms, rle`."""
