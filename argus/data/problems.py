"""Bad items of people's data: each is named and left out, and many of them stop the reading."""

import warnings
from collections import Counter

_ALWAYS_BORNE, _SHARE_BORNE, _SHOWN = 3, 0.1, 5


class Problems:
    """The bad items of one `source`, in words (`texts`), counted by what kind of thing they are."""

    def __init__(self, source: str) -> None:
        self.texts: list[str] = []
        self._source = source
        self._first: dict[str, list[str]] = {}
        self._bad: Counter[str] = Counter()

    def add(self, kind: str, text: str) -> None:
        """One bad item of a kind ("images", "annotations" ...)."""
        self.texts.append(text)
        self._bad[kind] += 1
        self._first.setdefault(kind, []).append(text)

    def check(self, kind: str, total: int) -> None:
        """Raise ValueError, with the first of them, when more than a tenth of `total` are bad, and more than three."""
        bad = self._bad[kind]
        if bad > max(_ALWAYS_BORNE, _SHARE_BORNE * total):
            raise ValueError(
                f"Expected usable {kind} in {self._source}, got {bad} of {total} that are not: "
                f"{self.first(self._first[kind])}. Mend them, or take them out; up to a tenth are skipped."
            )

    def warn(self) -> None:
        """Say what was left out, where something was."""
        if self.texts:
            warnings.warn(f"{self._source}: {len(self.texts)} left out: {self.first()}", stacklevel=3)

    def first(self, texts: list[str] | None = None) -> str:
        """The first few, in one line."""
        texts = self.texts if texts is None else texts
        more = f"; and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
        return "; ".join(texts[:_SHOWN]) + more
