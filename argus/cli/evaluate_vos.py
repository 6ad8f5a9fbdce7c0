"""`argus eval --task vos`: objects followed through video from their first mask."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from argus.cli.common import console, print_json
from argus.cli.scoring import exit_if_failed, failed_records, score_each

if TYPE_CHECKING:
    from argus.eval.jf import JF, ObjectScore
    from argus.model.sam3 import Sam3


def evaluate_vos(folder: Path, load: "Callable[[], Sam3]", *, as_json: bool) -> None:
    """J, F and J&F of the model, and of the first mask left where it is, over all objects and by sequence."""
    from functools import partial

    from argus.data.sources.davis import davis_places, read_sequence
    from argus.eval import jf
    from argus.eval.report import jf_table
    from argus.inference.propagate import propagate

    sequences = [(place[1], place) for place in davis_places(folder)]
    follow = partial(propagate, load())

    def score(place: tuple[str, Path, Path]) -> "list[tuple[ObjectScore, ObjectScore]]":
        sequence = read_sequence(*place)
        ours = jf.evaluate_vos(sequence, follow)
        return list(zip(ours, jf.evaluate_vos(sequence, jf.stay), strict=True))

    scores, failed = score_each(sequences, score)
    if not scores:
        raise ValueError(f"expected objects to score, got {len(sequences)} sequences, of which {len(failed)} failed")
    found, stayed = jf.mean_jf([ours for ours, _ in scores]), jf.mean_jf([still for _, still in scores])
    by_sequence = jf.by_sequence([ours for ours, _ in scores])
    if as_json:
        rows = {name: _record(row) for name, row in by_sequence.items()}
        print_json(
            {
                **_record(found),
                "first_mask": _record(stayed),
                "by_sequence": rows,
                "failed": failed_records(failed),
            }
        )
    else:
        rows_of_all = {**by_sequence, "all": found, "first mask, left where it is": stayed}
        console().print(jf_table(rows_of_all, str(folder)))
    exit_if_failed(failed, len(sequences), "sequences", "their objects are not scored")


def _record(score: "JF") -> dict[str, float]:
    return {"J&F": score.jf, "J": score.j, "F": score.f, "objects": score.objects}
