"""Words of phrases: plurals and back, folding for comparison, the language of a text."""

from __future__ import annotations

import re
from collections.abc import Iterator

_PLURALS = {"man": "men", "woman": "women", "person": "people", "child": "children", "foot": "feet", "tooth": "teeth"}
_PLURALS |= {"mouse": "mice", "goose": "geese", "wolf": "wolves", "leaf": "leaves", "knife": "knives", "fish": "fish"}
_PLURALS |= {"sheep": "sheep", "deer": "deer", "ox": "oxen", "scarf": "scarves", "bison": "bison", "moose": "moose"}
_SINGULARS = {many: one for one, many in _PLURALS.items()}
_UNCOUNTED = frozenset(
    ("food", "fruit", "clothing", "furniture", "stationery", "jewelry", "money", "meat", "bread", "rice", "milk")
    + ("aircraft", "equipment", "kitchenware", "lightning", "wheat", "corn", "garlic", "broccoli", "spaghetti", "sushi")
)
_ARTICLE = re.compile(r"^(?:an?|the)\s+")
_CHINESE = re.compile(r"[\u3400-\u9fff]")
_LINKING = frozenset(("a", "an", "the", "of", "with", "and", "or", "in", "on", "at", "by", "for", "to", "from", "的"))


def plural(name: str) -> str:
    """The plural of an English name, of its last word; names of several things and of stuff stay as they are."""
    last = name.split()[-1]
    if (
        (last.endswith("s") and not last.endswith("ss"))
        or last in _UNCOUNTED
        or {"and", "of", "with", "in"}.intersection(name.split())
    ):
        return name
    if last in _PLURALS:
        return name.removesuffix(last) + _PLURALS[last]
    if last.endswith(("fireman", "policeman", "snowman", "spaceman")):
        return name.removesuffix("man") + "men"
    if last.endswith(("x", "ch", "sh", "ss", "tomato", "potato", "mango", "superhero")):
        return name + "es"
    return name[:-1] + "ies" if last.endswith("y") and last[-2:-1] not in "aeiou" else name + "s"


def singulars(phrase: str) -> Iterator[str]:
    """What an English phrase may be the plural of, likeliest first; some of it is no word at all."""
    last = phrase.split()[-1] if phrase.split() else ""
    stem = phrase.removesuffix(last)
    if last in _SINGULARS:
        yield stem + _SINGULARS[last]
    if last.endswith("men"):
        yield phrase[:-2] + "an"
    if last.endswith("ies"):
        yield phrase[:-3] + "y"
    if last.endswith("ves"):
        yield from (phrase[:-3] + "f", phrase[:-3] + "fe")
    if last.endswith("s") and not last.endswith("ss"):
        yield phrase[:-1]
        if last.endswith("es"):
            yield phrase[:-2]


def fold(phrase: str) -> str:
    """A phrase for comparison: small letters, single spaces, no article before it."""
    return _ARTICLE.sub("", " ".join(phrase.casefold().split()))


def language_of(phrase: str) -> str:
    """ "zh" for a phrase with a Chinese character, else "en"."""
    return "zh" if _CHINESE.search(phrase) else "en"


def tails(phrase: str) -> Iterator[str]:
    """The phrase and its ends, longest first, by words or, in Chinese, by characters: the thing named stands last."""
    parts, glue = (list(phrase), "") if language_of(phrase) == "zh" else (phrase.split(), " ")
    for first in range(len(parts)):
        yield glue.join(parts[first:]).strip()


def share_words(a: str, b: str) -> bool:
    """Whether the last word of one phrase, what it is about, is among the words of the other, in the plural perhaps;
    in Chinese, whether one phrase holds the other."""
    if language_of(a) != language_of(b):
        return False
    if language_of(a) == "zh":
        return a in b or b in a
    (last_a, every_a), (last_b, every_b) = stems(a), stems(b)
    return bool(last_a & every_b or last_b & every_a)


def stems(phrase: str) -> tuple[frozenset[str], frozenset[str]]:
    """The last word of an English phrase, and all its words, with what they may be the plurals of."""
    words = [word for word in re.findall(r"\w+", phrase.casefold()) if word not in _LINKING]
    each = [frozenset((word, *singulars(word))) for word in words]
    return (each[-1] if each else frozenset()), frozenset().union(*each)
