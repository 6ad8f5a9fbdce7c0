"""Training: losses, matching, loop, stages, fine-tuning."""

import os

os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # PyTorch then keeps large CPU tensors in large pages, if Linux does
