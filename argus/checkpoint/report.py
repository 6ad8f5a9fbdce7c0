"""What a file holds of a model: which tensors are missing, unexpected, misshapen, or known and not used.

Every fault is named; of what is known and not used, the first few.
"""

from collections.abc import Sequence
from dataclasses import dataclass

SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class Report:
    """How the tensors of a file fit a model, by their names in the file.

    `misshapen` says what came and what was expected, in shape or number format. `unused` are known and never read.
    """

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    misshapen: tuple[str, ...]
    unused: tuple[str, ...]

    @property
    def fits(self) -> bool:
        return not (self.missing or self.unexpected or self.misshapen)

    def __str__(self) -> str:
        parts = (
            ("missing", self.missing, ", ".join(self.missing)),
            ("unexpected", self.unexpected, ", ".join(self.unexpected)),
            ("of another shape or number format", self.misshapen, ", ".join(self.misshapen)),
            ("known and not used", self.unused, listed(self.unused)),
        )
        return "\n".join(f"  {len(names)} {what}: {shown}" for what, names, shown in parts if names)

    def check(self, source: str, advice: str) -> None:
        """Raise ValueError with the whole report unless every tensor fits."""
        if not self.fits:
            raise ValueError(f"{source} does not hold this model's tensors; {advice}\n{self}")


def listed(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    rest = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f", ... and {rest} more" if rest > 0 else "")
