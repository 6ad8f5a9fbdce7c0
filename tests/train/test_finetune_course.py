"""How long a fine-tuning goes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from argus.train.finetune_course import BEFORE_COOLDOWN, LESSON, LOOKING, Course, course_in


@pytest.mark.parametrize(("seconds", "looks"), [(8, 1), (10, 2), (25, 3), (1000, 4)])
def test_measures_on_the_way_take_a_tenth_of_the_time_at_most(seconds: float, looks: int) -> None:
    course = course_in(seconds, step=1.0, look=1.0, lesson=None, looks=4)
    assert (course.looks, course.lesson, course.settled) == (looks, False, False)
    on_the_way = looks - 1  # seconds
    assert on_the_way <= LOOKING * seconds
    assert course.steps % looks == 0 and abs(course.steps + on_the_way - seconds) <= looks / 2


def test_a_lesson_has_its_time_or_is_left_out() -> None:
    least = 100 * LESSON
    with_lesson = course_in(100, step=1.0, look=50.0, lesson=least, looks=8)
    assert with_lesson.lesson and with_lesson.steps == 100 - least
    without = course_in(100, step=1.0, look=50.0, lesson=least + 1, looks=8)
    assert not without.lesson and without.steps == 100


def test_too_little_time_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a step takes 4 s, .* give more hours"):
        course_in(3, step=4.0, look=1.0, lesson=None, looks=8)


def test_steps_are_settled_by_the_time_they_take(tmp_path: Path) -> None:
    course = Course(steps=100, looks=2, lesson=True, look=12.0, taught=8.0, settled=False)
    settled = course.settle(120.0, step=2.0, look=None, done=25)  # a step was thought to take one second
    assert settled == replace(course, steps=50, settled=True)
    assert course.settle(120.0, step=2.0, look=32.0, done=25).steps == 40, "and a look 12"
    assert course.settle(120.0, step=2.0, look=None, done=40).steps == 40 / BEFORE_COOLDOWN, "rates have not fallen"
    assert course.settle(120.0, step=1.0, look=None, done=70) == replace(course, settled=True), "they have"
    settled.write(tmp_path / "new" / "course.json")
    assert Course.read(tmp_path / "new" / "course.json") == settled and Course.read(tmp_path / "none") is None
    (tmp_path / "old.json").write_text("[100, 2, true]")
    with pytest.raises(ValueError, match=r"old\.json is of an older version"):
        Course.read(tmp_path / "old.json")
