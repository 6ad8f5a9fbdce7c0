"""`argus info`: what a model source is, its sizes and its parameters."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from argus.cli.common import FAILURE, JsonOption, console, failures_reported, print_json, say

if TYPE_CHECKING:
    from rich.table import Table

    from argus.checkpoint import Inspection


def info(
    source: Annotated[str, typer.Argument(help="nano, a model folder or file, or a hub id such as facebook/sam3.")],
    as_json: JsonOption = False,
) -> None:
    """Print what SOURCE is, its sizes and its parameters, without reading its weights.

    Exit status 1 when its tensors do not fit its sizes, with the tensors at fault.
    """
    with failures_reported():
        from argus.checkpoint import inspect

        found = inspect(source)
        if as_json:
            print_json(_document(found))
        else:
            for table in (_summary(found), _parameters(found), _sizes(found)):
                console().print(table)
        if faults := _faults(found):
            say("\n".join(faults))
            raise typer.Exit(FAILURE)


def _document(found: "Inspection") -> dict[str, Any]:
    return {
        "source": found.source,
        "layout": found.layout,
        "dtypes": list(found.dtypes),
        "parameters": found.parameters,
        "parts": {part.name: part.parameters for part in found.parts},
        "config": asdict(found.config),
        "points": found.points,
        "memory": found.memory,
        "tokenizer": str(found.tokenizer) if found.tokenizer else None,
        "training": dict(found.training),
        "tensors": asdict(found.report),
    }


def _summary(found: "Inspection") -> "Table":
    report, side = found.report, found.config.vision.image
    rows = {
        "layout": found.layout,
        "parameters": f"{found.parameters / 1e6:.1f}M, stored as {', '.join(found.dtypes)}",
        "image": f"{side} x {side} px",
        "tokenizer": str(found.tokenizer or "none: give one with --tokenizer"),
        "point prompts": "yes" if found.points else "no: this layout does not hold their weights",
        "video": "yes" if found.memory else "no: without a tracker, or without the weights of its memory",
        "unused tensors": f"{len(report.unused)}",
        **{f"training {name}": str(value) for name, value in found.training.items()},
    }
    return _table(found.source, rows)


def _parameters(found: "Inspection") -> "Table":
    return _table("parameters", {part.name: f"{part.parameters:,}" for part in found.parts})


def _sizes(found: "Inspection") -> "Table":
    config = asdict(found.config)
    return _table(
        "sizes",
        {f"{part} {name}": str(value) for part in config if config[part] for name, value in config[part].items()},
    )


def _table(title: str, rows: dict[str, str]) -> "Table":
    from rich.markup import escape
    from rich.table import Table

    made = Table("", "", title=escape(title), show_header=False)
    for name, value in rows.items():
        made.add_row(escape(name), escape(value))
    return made


def _faults(found: "Inspection") -> list[str]:
    report = found.report
    kinds = {"missing": report.missing, "unexpected": report.unexpected, "misshapen": report.misshapen}
    return [f"{kind}: {name}" for kind, names in kinds.items() for name in names]
