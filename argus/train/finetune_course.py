"""How long a fine-tuning goes: its steps, its looks at held-out data, and whether a lesson in outlines ends it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from argus.ops.files import replace_file

LOOKING = 0.1  # of the time, at most, goes into measures on the way
LESSON = 0.2  # of the time, at most, goes into outlines
BEFORE_COOLDOWN = 2 / 3  # of the steps have rates that do not fall yet (`rates_of`)


@dataclass(frozen=True, kw_only=True)
class Course:
    """`steps` of training, as many between each two of `looks` at held-out data, and a `lesson` in outlines or none.

    Of those that were laid out by time, `look` and `taught` are the seconds that a look and the lesson take, and not
    `settled` ones hang on the few steps that were timed: their number is made better on the way.
    """

    steps: int
    looks: int
    lesson: bool
    look: float = 0.0
    taught: float = 0.0
    settled: bool = True

    def settle(self, seconds: float, *, step: float, look: float | None, done: int) -> Course:
        """The course for a time in which a step takes `step` seconds and a look (None: there was none yet) `look`, once
        `done` steps are. Where rates have begun to fall by then, it stays as it is."""
        if done > BEFORE_COOLDOWN * self.steps:
            return replace(self, settled=True)
        beside = (self.looks - 1) * (self.look if look is None else look) + self.taught
        steps = max((seconds - beside) / step, done / BEFORE_COOLDOWN)
        return replace(self, steps=whole(steps, self.looks), settled=True)

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        content = json.dumps(asdict(self))
        replace_file(path, lambda file: file.write_text(content, "utf-8"))

    @staticmethod
    def read(path: Path) -> Course | None:
        """The course in a file, or None. Raises ValueError for what an older version wrote, whose steps were others."""
        known = json.loads(path.read_text("utf-8")) if path.exists() else None
        if isinstance(known, list):
            raise ValueError(f"{path} is of an older version, whose steps were others: begin anew in another folder")
        return None if known is None else Course(**known)


def whole(steps: float, looks: int) -> int:
    """The number of steps next to `steps` with a look at the end."""
    return max(round(steps / looks), 1) * looks


def course_in(seconds: float, *, step: float, look: float, lesson: float | None, looks: int) -> Course:
    """What there is time for, where a step, a look and a lesson (None: there is none) take so many seconds.

    There are `looks` at most, and those on the way take `LOOKING` of the time at most; the one at the end has its own.
    A lesson takes `LESSON` at most, or is left out. Raises ValueError where not a step fits between two looks.
    """
    looks = min(looks, int(LOOKING * seconds / look) + 1)
    left = seconds - (looks - 1) * look
    if lesson is not None and lesson > min(LESSON * seconds, left - looks * step):
        lesson = None
    left -= lesson or 0.0
    if left < looks * step:
        raise ValueError(
            f"expected more time than {seconds / 3600:.3g} hours: a step takes {step:.2g} s, and {looks} of them with "
            f"what lies between {seconds - left + looks * step:.2g} s; give more hours"
        )
    return Course(
        steps=whole(left / step, looks),
        looks=looks,
        lesson=lesson is not None,
        look=look,
        taught=lesson or 0.0,
        settled=False,
    )
