"""Notes of what a model in training confuses, on their way from the learner to the processes that make its data.

The learner writes its table every `EVERY` steps. The batches of a step go by the one that is `BEHIND` such periods
older: data workers are ahead of the learner, but not that far. So the n-th batch does not depend on who is how fast,
and a resumed run sees what an unbroken one would have seen.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import torch
from jaxtyping import UInt8
from torch import Tensor, distributed, nn

from argus.data.collate import Batch
from argus.data.negatives import Confusions
from argus.model.detector import DetectorTraining, final_scores
from argus.ops.files import replace_file

EVERY, BEHIND = 100, 2
THRESHOLD = 0.5  # of a detection's score, as in use

Answer = tuple[
    tuple[str, ...], str, bool
]  # the concepts in the image, a phrase that is absent, whether it was answered


def note_for(folder: Path, step: int) -> Confusions | None:
    """The table that the batches of a step go by; None in the first steps of a run."""
    path = _note(folder, (step // EVERY - BEHIND) * EVERY)
    return _read(path) if path.exists() else None


class Notes(nn.Module):
    """The table of a learner: part of its state, and written to `folder`, a file every `EVERY` steps."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.confusions = Confusions()
        self._written: int | None = None

    def get_extra_state(self) -> UInt8[Tensor, " n"]:
        """The table's JSON in UTF-8: a state holds tensors alone."""
        return torch.tensor(list(self.confusions.to_json().encode("utf-8")), dtype=torch.uint8)

    def set_extra_state(self, state: UInt8[Tensor, " n"]) -> None:
        self.confusions = Confusions.from_json(bytes(state.tolist()).decode("utf-8"))

    def record(self, batch: Batch, out: DetectorTraining) -> None:
        """Note the answers to the absent phrases of a batch; before the first of them, write what is known so far."""
        if batch.step % EVERY == 0 and batch.step != self._written:
            self._write(batch.step)
        for answer in _of_all_processes(answers(batch, out)):
            self.confusions.record(*answer)

    def _write(self, step: int) -> None:
        self._written = step
        if distributed.is_initialized() and distributed.get_rank():
            return  # the first process writes
        self.folder.mkdir(parents=True, exist_ok=True)
        text = self.confusions.to_json()
        replace_file(_note(self.folder, step), lambda path: path.write_text(text, "utf-8"))


@torch.no_grad()
def answers(batch: Batch, out: DetectorTraining) -> list[Answer]:
    """The absent phrases of a batch that were asked by words alone, and whether the model found any."""
    scores = final_scores(out.one_to_one.query_logits[-1], out.presence_logits[-1])
    found, present = (scores > THRESHOLD).any(1).tolist(), batch.targets.present.tolist()
    return [
        (batch.concepts[prompt.image], prompt.text, found[row])
        for row, prompt in enumerate(batch.prompts)
        if prompt.text is not None and not present[row] and not len(prompt.box_labels)
    ]


def _of_all_processes(mine: list[Answer]) -> list[Answer]:
    """In the order of their batches, so that the table is the same in any number of processes."""
    if not distributed.is_initialized():
        return mine
    every: list[list[Answer]] = [[] for _ in range(distributed.get_world_size())]
    distributed.all_gather_object(every, mine)
    return [answer for part in every for answer in part]


def _note(folder: Path, step: int) -> Path:
    return folder / f"{step:07d}.json"


@lru_cache(maxsize=1)
def _read(path: Path) -> Confusions:
    return Confusions.from_json(path.read_text("utf-8"))
