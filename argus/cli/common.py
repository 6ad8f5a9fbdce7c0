"""What the subcommands share: consoles, exit status, options, JSON."""

import json
import math
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from argus.model.sam3 import Sam3

T = TypeVar("T")

FAILURE = 1  # exit status; misuse is 2, as Click has it


class Precision(str, Enum):
    """Number formats a model can run in."""

    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"
    fp16 = "fp16"


ModelOption = Annotated[
    str, typer.Option("--model", "-m", help="nano, a model folder or file, or a hub id such as facebook/sam3.")
]
TokenizerOption = Annotated[
    Path | None, typer.Option(help="CLIP merges file or tokenizer.json, for a model that comes without one.")
]
DeviceOption = Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1, mps. Default: a GPU where there is one.")]
PrecisionOption = Annotated[Precision, typer.Option(help="auto is bf16 where that is fast, else fp32.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]


def console(*, stderr: bool = False) -> "Console":
    """Standard output for results, standard error for progress and warnings."""
    from rich.console import Console

    return Console(stderr=stderr)


def say(message: str) -> None:
    """A line on standard error."""
    typer.echo(message, err=True)


def misuse(message: str) -> typer.BadParameter:
    """To raise when the command was called wrongly: the message with the usage, exit status 2."""
    return typer.BadParameter(message)


def no_nan(value: float | None) -> float | None:
    """For `callback=` of an option that is a number: NaN, which gets past `min` and `max`, is misuse."""
    if value is not None and math.isnan(value):
        raise misuse("expected a number, got nan")
    return value


def numbers(text: str, form: str) -> list[float]:
    """The numbers of an option of the given form, such as "x,y"."""
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) != len(form.split(",")) or not all(math.isfinite(value) for value in values):
        raise misuse(f"expected {form}, got {text!r}")
    return values


def image_failures() -> tuple[type[Exception], ...]:
    """What one image may fail with while the others go on: it cannot be read, or takes more memory than there is."""
    import torch

    return (ValueError, OSError, MemoryError, torch.OutOfMemoryError)


def say_failed(file: Path, error: Exception) -> str:
    """A line about an image that failed; gives the reason alone."""
    reason = _reason(error)
    say(f"{file}: {reason}")
    return reason


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__  # a MemoryError says nothing


@contextmanager
def memory_errors() -> Iterator[None]:
    """PyTorch's allocator on the CPU raises a plain RuntimeError when there is no more memory: a MemoryError here."""
    try:
        yield
    except RuntimeError as error:
        if "DefaultCPUAllocator" in str(error):
            raise MemoryError(str(error)) from error
        raise


@contextmanager
def failures_reported() -> Iterator[None]:
    """Turn an expected failure into a line on standard error and exit status 1; Argus' warnings become lines too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.showwarning = lambda message, *_: say(f"warning: {message}")
        try:
            with memory_errors():
                yield
        except ModuleNotFoundError as error:
            told = str(error).startswith("Expected")  # it says how to install what is missing
            install = 'in a checkout of Argus, pip install -c constraints.txt ".[train,eval,video]" brings it'
            say(f"error: {error}" if told else f"error: {error.name} is not installed; {install}")
            raise typer.Exit(FAILURE) from error
        except FloatingPointError as error:
            say(f"error: {error}")
            raise typer.Exit(FAILURE) from error
        except image_failures() as error:
            say(f"error: {_reason(error)}")
            raise typer.Exit(FAILURE) from error


def load_model(source: str, device: str | None, precision: Precision, tokenizer: Path | None) -> "Sam3":
    """The model of the common options."""
    from argus.checkpoint import load

    return load(source, device=device, precision=precision.value, tokenizer=tokenizer)


def print_json(document: Any) -> None:
    """The one document on standard output, in ASCII so that any terminal and pipe takes it."""
    typer.echo(json.dumps(document, allow_nan=False))


def progressed(items: Iterable[T], what: str, total: int) -> Iterator[T]:
    """The items, with a progress bar on standard error when there are several."""
    from rich.progress import track

    bar = console(stderr=True)
    yield from track(items, what, total=total, console=bar, disable=total < 2, transient=True)
