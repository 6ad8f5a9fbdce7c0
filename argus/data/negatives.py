"""Hard negatives: phrases that are close to what a picture shows, or that the model falls for, and truly absent."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from argus.data.ontology import Ontology
from argus.data.ontology.words import fold, language_of
from argus.data.records import Query, Sample

_EASY = ("absent", "absent-sibling")
_LONGEST_NAME = 4
_LONGEST_NAME_ZH = 6


@dataclass(frozen=True, kw_only=True)
class NegativeConfig:
    """`per_image` absent phrases for each sample. The share of hard ones rises from `hard_first` to `hard_last` in the
    first `ramp_steps` steps; `confused_share` of the hard ones are what the model confuses, as far as it does, and the
    rest siblings."""

    per_image: int = 4
    hard_first: float = 0.2
    hard_last: float = 0.8
    ramp_steps: int = 2_000
    confused_share: float = 0.5

    def __post_init__(self) -> None:
        if self.per_image < 0 or self.ramp_steps < 1:
            raise ValueError(
                f"expected per_image of 0 or more and ramp_steps of 1 or more, got {self.per_image}, {self.ramp_steps}"
            )
        if not 0 <= self.hard_first <= self.hard_last <= 1 or not 0 <= self.confused_share <= 1:
            raise ValueError(
                "expected shares in 0..1 with hard_first at most hard_last, got "
                f"{self.hard_first}, {self.hard_last} and confused_share {self.confused_share}"
            )


def hard_share(step: int, config: NegativeConfig) -> float:
    """The share of hard ones among the negatives at a training step: a straight rise, then level."""
    done = min(max(step, 0) / config.ramp_steps, 1.0)
    return config.hard_first + (config.hard_last - config.hard_first) * done


class Confusions:
    """What the current model confuses: for each concept, phrases that it answered though they were absent beside it.

    Each has a rate in 0..1, a moving average over the times it was asked, so that what was learned fades out. A concept
    keeps its `most` most confused phrases.
    """

    MOMENTUM = 0.2
    LEAST = 0.02

    def __init__(self, most: int = 20) -> None:
        if most < 2:
            raise ValueError(f"expected to keep 2 phrases a concept or more, got {most}")
        self.most = most
        self._rates: dict[str, dict[str, float]] = {}

    def record(self, concepts: Iterable[str], phrase: str, answered: bool) -> None:
        """After an absent phrase was asked about a picture that shows the concepts: whether the model found any."""
        phrase = fold(phrase)
        for concept in dict.fromkeys(map(fold, concepts)):
            rates = self._rates.setdefault(concept, {})
            rate = (1 - self.MOMENTUM) * rates.pop(phrase, 0.0) + self.MOMENTUM * answered
            if rate >= self.LEAST:
                rates[phrase] = rate
            if len(rates) > self.most:
                del rates[min(rates.keys() - {phrase}, key=lambda text: (rates[text], text))]  # a new one has a chance
            if not rates:
                del self._rates[concept]

    def of(self, concept: str) -> dict[str, float]:
        """The phrases that are confused with a concept and their rates, most confused first."""
        rates = self._rates.get(fold(concept), {})
        return dict(sorted(rates.items(), key=lambda item: (-item[1], item[0])))

    def to_json(self) -> str:
        """The whole table, for a checkpoint."""
        return json.dumps({"most": self.most, "rates": self._rates}, ensure_ascii=False, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Confusions:
        """The table that `to_json` wrote. Raises ValueError for another form."""
        try:
            document = json.loads(text)
            table = cls(int(document["most"]))
            table._rates = {
                str(concept): {str(phrase): float(rate) for phrase, rate in rates.items()}
                for concept, rates in document["rates"].items()
            }
        except (json.JSONDecodeError, AttributeError, KeyError, TypeError) as error:
            raise ValueError(f'expected {{"most": N, "rates": {{...}}}}, as to_json writes it: {error!r}') from error
        if not all(0 <= rate <= 1 for rates in table._rates.values() for rate in rates.values()):
            raise ValueError("expected rates in 0..1 in a table of confusions, got others; was the file changed?")
        return table


def named_in(caption: str) -> frozenset[str]:
    """Every run of 1 to 4 words of a caption (in Chinese, of 1 to 6 characters): whatever it names is among them."""
    latin = re.findall(r"[^\W\u3400-\u9fff]+(?:['-][^\W\u3400-\u9fff]+)*", fold(caption))
    runs = {" ".join(latin[i : i + n]) for i in range(len(latin)) for n in range(1, _LONGEST_NAME + 1)}
    for text in re.findall(r"[\u3400-\u9fff]+", caption):
        runs |= {text[i : i + n] for i in range(len(text)) for n in range(1, _LONGEST_NAME_ZH + 1)}
    return frozenset(runs)


def shown(sample: Sample, ontology: Ontology, caption: str = "") -> frozenset[str]:
    """All that a picture may show: its concepts, what is unmarked, its phrases that are present, and what its caption
    names.

    Of the caption's words, those that the ontology knows count as names, and so does every other word, which may be the
    name of something that is not labelled.
    """
    told = frozenset(run for run in named_in(caption) if ontology.find(run) is not None or _is_word(run))
    present = (query.text for query in sample.queries if query.instances)
    return told.union(sample.concepts, sample.unmarked, present)


def without_easy(sample: Sample) -> Sample:
    """The sample without the absent phrases that `add_negatives` chooses better; those about looks and groups stay."""
    return replace(sample, queries=tuple(query for query in sample.queries if query.kind not in _EASY))


def add_negatives(
    sample: Sample,
    config: NegativeConfig,
    step: int,
    rng: np.random.Generator,
    *,
    ontology: Ontology,
    confusions: Confusions | None = None,
    caption: str = "",
) -> Sample:
    """The sample with up to `per_image` more phrases that name nothing in it, as many of them hard as `step` asks.

    Their kinds are "absent-confused", "absent-sibling" and "absent". None is related to anything labelled, to a phrase
    that is present or to a word of the caption; none is asked already. Each is in the language of one of the sample's
    phrases (English where it has none), so that the language tells nothing about the truth.
    """
    present = shown(sample, ontology, caption)
    languages = [query.language for query in sample.queries] or ["en"]
    share = hard_share(step, config)
    taken = {fold(query.text) for query in sample.queries}
    found: list[Query] = []
    pools = {
        language: _Pools(sample, language, present, ontology, confusions, rng) for language in sorted(set(languages))
    }
    for _ in range(config.per_image):
        pool = pools[languages[int(rng.integers(len(languages)))]]
        draw, which = rng.random(2)
        query = pool.take(hard=bool(draw < share), confused=bool(which < config.confused_share), taken=taken)
        if query is not None:
            taken.add(fold(query.text))
            found.append(query)
    return replace(sample, queries=(*sample.queries, *found))


class _Pools:
    """What is absent from a picture and has a name in one language: phrases and ids of concepts, the next ones last."""

    def __init__(
        self,
        sample: Sample,
        language: str,
        present: frozenset[str],
        ontology: Ontology,
        confusions: Confusions | None,
        rng: np.random.Generator,
    ) -> None:
        self.language, self.ontology, self.rng = language, ontology, rng
        free = ontology.unrelated(present, language)
        siblings = {sibling for concept in sample.concepts for sibling in ontology.siblings(concept)} & free
        self.candidates: dict[str, list[str]] = {
            "absent-confused": _confused(sample, language, present, ontology, confusions or Confusions(), rng),
            "absent-sibling": rng.permutation(sorted(siblings)).tolist(),
            "absent": rng.permutation(sorted(free - siblings)).tolist(),
        }

    def take(self, hard: bool, confused: bool, taken: set[str]) -> Query | None:
        """A phrase of the kind that is wished for, else of the next best; None when all are taken."""
        order = ["absent-confused", "absent-sibling"] if confused else ["absent-sibling", "absent-confused"]
        for kind in [*order, "absent"] if hard else ["absent", *order]:
            while self.candidates[kind]:
                text = self.candidates[kind].pop()
                if kind != "absent-confused":
                    text = self.ontology.name(text, self.language, self.rng)
                if fold(text) not in taken:
                    return Query(text=text, language=self.language, kind=kind, instances=())
        return None


def _confused(
    sample: Sample,
    language: str,
    present: frozenset[str],
    ontology: Ontology,
    confusions: Confusions,
    rng: np.random.Generator,
) -> list[str]:
    """What the model confuses with the sample's concepts, in random order, the more often confused the later."""
    rates: dict[str, float] = {}
    for concept in sorted(set(sample.concepts)):
        for phrase, rate in confusions.of(concept).items():
            rates[phrase] = max(rate, rates.get(phrase, 0.0))
    right = [phrase for phrase in rates if language_of(phrase) == language]
    absent = [phrase for phrase in right if not any(ontology.related(phrase, other) for other in present)]
    keys = rng.random(len(absent)) ** (1 / np.array([rates[phrase] for phrase in absent]))
    return [absent[index] for index in np.argsort(keys).tolist()]


def _is_word(run: str) -> bool:
    """Whether a run of a caption is one word, or two Chinese characters or more."""
    return " " not in run if language_of(run) == "en" else len(run) > 1
