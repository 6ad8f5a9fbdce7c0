"""Entry point of the `argus` command."""

import typer

from argus.cli import evaluate, info, scenes, segment, train

app = typer.Typer(
    help="Segment every instance of any concept, given a phrase, example boxes, or both.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("segment")(segment.segment)
app.command("info")(info.info)
app.command("eval")(evaluate.evaluate)
app.command("train")(train.train)
app.add_typer(scenes.scenes, name="scenes")


def main() -> None:
    """Run the command line; exit status 0, 1 for a failure, 2 for misuse."""
    app()
