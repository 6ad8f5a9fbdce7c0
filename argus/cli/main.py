"""Entry point of the `argus` command."""

from typing import Annotated

import typer

import argus
from argus.cli import evaluate, finetune, info, pick, scenes, segment, track, train

app = typer.Typer(
    help="Segment and track every instance of any concept, given a phrase, example boxes, clicks, or any mix.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("segment")(segment.segment)
app.command("pick")(pick.pick)
app.command("track")(track.track)
app.command("info")(info.info)
app.command("eval")(evaluate.evaluate)
app.command("train")(train.train)
app.command("finetune")(finetune.finetune)
app.add_typer(scenes.scenes, name="scenes")


def _print_version(asked: bool) -> bool:
    if asked:
        typer.echo(f"argus {argus.__version__}")
        raise typer.Exit
    return asked


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """What stands before a subcommand."""


def main() -> None:
    """Run the command line; exit status 0, 1 for a failure, 2 for misuse."""
    app()
