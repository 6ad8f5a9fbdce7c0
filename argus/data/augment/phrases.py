"""Which phrases a change of the picture can make untrue: by their kind, and by their words."""

from __future__ import annotations

import re

from argus.data.records import Query

_SIDE = re.compile(
    r"\b(?:left|right|leftmost|rightmost|clockwise|counterclockwise|anticlockwise)\b|左|右|顺时针|逆时针"
)
_PLACE = re.compile(
    r"\b(?:upper|lower|topmost|bottom|middle|cent(?:er|re)|central|foreground|background|corner|edge|above|below|beneath"
    r"|behind|beside|near|nearest|closest|far|farthest|first|second|third|last|(?:at|on) the top|top row)\b"
    r"|上面|下面|上方|下方|顶部|底部|中间|中央|前面|后面|旁边|角落|最近|最远|第[一二三四五六七八九十]"
)
_SIZE = re.compile(
    r"\b(?:small|little|tiny|big|large|huge|tall|short|long|wide|narrow|both|only"
    r"|(?:small|bigg|larg|tall|short|long|wid)(?:er|est))\b|^(?:two|three|four|five) .*(?:s|men|people|children)$"
    r"|大的|小的|最大|最小|巨大|微小|高的|矮的|长的|短的|两|三[个只]"
)
_SIZE_KINDS = frozenset(("size", "colour-size", "wrong-size"))
_COLOUR = re.compile(
    r"\b(?:red|orange|yellow|green|blue|purple|violet|pink|brown|black|white|gr[ae]y|golden|silver|beige|turquoise|cyan"
    r"|magenta|dark|bright|colou?rful|colou?red)\b|色|[红黄蓝绿白黑灰紫粉橙棕金银]"
)
_COLOUR_KINDS = frozenset(("colour", "colour-size", "wrong-colour"))


def says_side(query: Query) -> bool:
    """Whether the phrase says left or right, or a way of turning, which a mirror changes."""
    return bool(_SIDE.search(query.text.casefold()))


def is_about_arrangement(query: Query) -> bool:
    """Whether the phrase says where something is, how large or how many, which moving and dropping can change."""
    text = query.text.casefold()
    return query.kind in _SIZE_KINDS or any(words.search(text) for words in (_SIDE, _PLACE, _SIZE))


def is_about_colour(query: Query) -> bool:
    """Whether the phrase says a colour."""
    return query.kind in _COLOUR_KINDS or bool(_COLOUR.search(query.text.casefold()))
