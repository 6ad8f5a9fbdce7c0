"""What the tasks of `argus eval` share: each file is scored by itself, and one that fails does not stop the others."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

from argus.cli.common import (
    FAILURE,
    image_failures,
    memory_errors,
    progressed,
    say,
    say_failed,
)

if TYPE_CHECKING:
    from argus.eval.bootstrap import Interval

Item = TypeVar("Item")
Score = TypeVar("Score")


def score_each(
    items: Sequence[tuple[Path, Item]], score: Callable[[Item], Sequence[Score]]
) -> tuple[list[Score], dict[str, str]]:
    """The scores of all items, and why the files (or folders) failed that did; one of these may have several items."""
    scores: list[Score] = []
    failed: dict[str, str] = {}
    for path, item in progressed(items, "evaluating", len(items)):
        try:
            with memory_errors():
                scores += score(item)
        except image_failures() as error:
            failed[str(path)] = say_failed(path, error)
    return scores, failed


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a task measured: the metrics of all, parts of it by a name, how sure they are, and how it was measured.

    `groups` are by name, each with metrics a group; `more` goes into the JSON document alone.
    """

    title: str
    summary: Mapping[str, float]
    settings: Mapping[str, object]
    failed: Mapping[str, str]
    groups: Mapping[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)
    intervals: "Mapping[str, Interval]" = field(default_factory=dict)
    more: Mapping[str, object] = field(default_factory=dict)

    def document(self) -> dict[str, object]:
        """As one JSON document."""
        sure = {name: [interval.low, interval.high] for name, interval in self.intervals.items()}
        by = {f"by_{name}": metrics for name, metrics in self.groups.items()}
        told = {"settings": dict(self.settings), "failed": failed_records(self.failed)}
        return {**self.summary, "intervals_95": sure, **by, **self.more, **told}


def print_settings(settings: Mapping[str, object]) -> None:
    """Exactly how it was measured, a line each."""
    for name, value in settings.items():
        typer.echo(f"  {name}: {value}")


def failed_records(failed: Mapping[str, str]) -> list[dict[str, str]]:
    """Failures as they stand in JSON."""
    return [{"file": file, "error": error} for file, error in failed.items()]


def exit_if_failed(failed: Mapping[str, str], total: int, what: str, consequence: str) -> None:
    """A last line that names what failed, and exit status 1."""
    if failed:
        say(f"{len(failed)} of {total} {what} failed, and {consequence}: {', '.join(failed)}")
        raise typer.Exit(FAILURE)
