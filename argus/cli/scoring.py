"""What the tasks of `argus eval` share: each file is scored by itself, and one that fails does not stop the others."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

from argus.cli.common import (
    FAILURE,
    console,
    image_failures,
    memory_errors,
    print_json,
    progressed,
    say,
    say_failed,
)

if TYPE_CHECKING:
    from rich.table import Table

Item = TypeVar("Item")
Score = TypeVar("Score")


def score_each(
    items: Mapping[Path, Item], score: Callable[[Item], Sequence[Score]]
) -> tuple[list[Score], dict[str, str]]:
    """The scores of all items, and why the files (or folders) failed that did."""
    scores: list[Score] = []
    failed: dict[str, str] = {}
    for path, item in progressed(items.items(), "evaluating", len(items)):
        try:
            with memory_errors():
                scores += score(item)
        except image_failures() as error:
            failed[str(path)] = say_failed(path, error)
    return scores, failed


def print_groups(
    summary: Mapping[str, float],
    groups: Mapping[str, Mapping[str, Mapping[str, float]]],
    table: "Callable[[Mapping[str, Mapping[str, float]], str], Table]",
    title: str,
    failed: Mapping[str, str],
    as_json: bool,
) -> None:
    """The metrics of all pairs, then those of each way to group them where there are several groups."""
    if as_json:
        by = {f"by_{name}": metrics for name, metrics in groups.items()}
        print_json({**summary, **by, "failed": failed_records(failed)})
        return
    console().print(table({"all": summary}, title))
    for name, metrics in groups.items():
        if len(metrics) > 1:
            console().print(table(metrics, f"by {name}"))


def failed_records(failed: Mapping[str, str]) -> list[dict[str, str]]:
    """Failures as they stand in JSON."""
    return [{"file": file, "error": error} for file, error in failed.items()]


def exit_if_failed(failed: Mapping[str, str], total: int, what: str, consequence: str) -> None:
    """A last line that names what failed, and exit status 1."""
    if failed:
        say(f"{len(failed)} of {total} {what} failed, and {consequence}: {', '.join(failed)}")
        raise typer.Exit(FAILURE)
