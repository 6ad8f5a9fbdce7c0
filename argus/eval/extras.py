"""Packages of the extra `eval`, which are imported where they are used."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def needs(package: str, purpose: str, install: str = '".[eval]"') -> Iterator[None]:
    """Around the import of a package: when it is missing, the error says what for, and how to install it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"Expected the package {package} to {purpose}, which is not installed: in a checkout of Argus, "
            f"pip install -c constraints.txt {install}.",
            name=package,
        ) from error
