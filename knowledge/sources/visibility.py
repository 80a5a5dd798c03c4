"""What a reader of a web page does not see: text put there speaks to robots only (threat T22).

Judged from the element itself (`hidden`, `aria-hidden`, its inline style, the usual names of hiding classes) and from the style sheets
written in the page. Style sheets in other files are not read.
"""

from __future__ import annotations

import re

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

_CLASSES = frozenset(
    "hidden d-none invisible visually-hidden sr-only fr-sr-only fr-hidden screen-reader-text offscreen element-invisible".split()
)
_HIDING = re.compile(
    r"display:none|visibility:(?:hidden|collapse)|clip:rect\(|clip-path:inset\((?:50|100)%|content-visibility:hidden"
    r"|(?:left|right|top|bottom|text-indent|margin-left|margin-top):-(?:\d{3,}|\d{2,}(?:\.\d+)?(?:em|rem|vw|vh))"
    r"|translate[xy3d]*\([^)]*-\d{3,}|scale[xy3d]*\(0?(?:\.0\d*)?[,)]|(?<![a-z-])color:transparent"
)
_MEASURES = re.compile(r"(?<![a-z-])(font-size|opacity|height|width|max-height|max-width):(\d*\.?\d+)([a-z%]*)")
_LEAST_FONT = {"": 1.0, "px": 4.0, "pt": 3.0, "em": 0.3, "rem": 0.3, "%": 30.0, "vw": 0.3, "vh": 0.3}
_COLOURS = re.compile(r"(?<![a-z-])(color|background|background-color):([^;!]+)")
_FOR_PRINT = re.compile(r"@media[^{}]*\bprint\b[^{}]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}")
_RULE = re.compile(r"([^{}]{1,300})\{([^{}]{0,2000})\}")
_SELECTOR = re.compile(r"[\w\s.#>+~*-]+")
_MOST_RULES = 2_000
_MOST_STYLE = 300_000


def is_hidden(node: LexborNode) -> bool:
    """Whether an element hides itself."""
    attributes = node.attributes
    if "hidden" in attributes or (attributes.get("aria-hidden") or "").strip().lower() == "true":
        return True
    if _CLASSES.intersection((attributes.get("class") or "").lower().split()):
        return True
    return hides(attributes.get("style") or "")


def hidden_by_style(tree: LexborHTMLParser) -> set[int]:
    """Memory identifiers of the elements that the page's own style sheets hide."""
    style = _FOR_PRINT.sub("", "\n".join(node.text() for node in tree.css("style"))[:_MOST_STYLE])
    found: set[int] = set()
    for number, rule in enumerate(_RULE.finditer(style)):
        if number >= _MOST_RULES:
            break
        if hides(rule[2]):
            for selector in rule[1].split(","):
                found |= _matched(tree, selector.strip())
    return found


def _matched(tree: LexborHTMLParser, selector: str) -> set[int]:
    if not _SELECTOR.fullmatch(selector):
        return set()
    try:
        return {node.mem_id for node in tree.css(selector)}
    except SelectolaxError:
        return set()


def hides(style: str) -> bool:
    """Whether declarations such as `display: none; color: red` make text unseen."""
    style = re.sub(r"/\*.*?\*/|\s+", "", style.lower(), flags=re.DOTALL)
    if not style:
        return False
    if _HIDING.search(style):
        return True
    for name, figure, unit in _MEASURES.findall(style):
        value = float(figure)
        least = _LEAST_FONT.get(unit, 0.0) if name == "font-size" else 0.1 if name == "opacity" and not unit else 0.0
        if value < least or value == 0:
            return True
    colours = dict(_COLOURS.findall(style))
    text = colours.get("color")
    return text is not None and text in (colours.get("background-color"), colours.get("background"))
