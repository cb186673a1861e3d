"""Numbers in plain writing: characters of any script made plain, and numbers spelled out."""

from __future__ import annotations

import math
import re
import unicodedata

_SMALL = {
    "zero": 0,
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "eleven": 11,
    "twelve": 12,
    "thirteen": 13,
    "fourteen": 14,
    "fifteen": 15,
    "sixteen": 16,
    "seventeen": 17,
    "eighteen": 18,
    "nineteen": 19,
}
_TENS = {
    "twenty": 20,
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "seventy": 70,
    "eighty": 80,
    "ninety": 90,
}
_DIGIT = rf"(?:{'|'.join(word for word, value in _SMALL.items() if value < 10)})"
_CARDINAL = rf"(?:{'|'.join([*_SMALL, *_TENS, 'hundred', 'thousand'])})\b"
_COUNTED = {"two": 2, "three": 3}
_PARTS = {"half": 2, "third": 3, "quarter": 4}
_PART = rf"(?:an?|one|{'|'.join(_COUNTED)})[ -](?:{'|'.join(_PARTS)})s?"

AND_A_PART = rf"(?:[ -]and[ -](?:{_PART}|1/2|1/3|2/3|1/4|3/4)\b)"
"""What may follow a number or its unit: "two and a half metres", "2 metres and a half"."""

SPELLED = (
    rf"\b(?:half(?: an?)?\b|{_PART}(?: of an?)?\b"
    rf"|{_CARDINAL}(?:(?:[ -]| and (?<=hundred and )| and (?<=thousand and )){_CARDINAL}){{0,8}}"
    rf"(?: point(?: {_DIGIT}\b){{1,6}})?)"
)
"""A number spelled out, as a regular expression for text in lower case."""

_PLAIN = str.maketrans(
    {
        **dict.fromkeys(
            "\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}\N{PRIME}", "'"
        ),
        **dict.fromkeys(
            "\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}\N{DOUBLE PRIME}", '"'
        ),
        **dict.fromkeys("\N{MINUS SIGN}\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{FIGURE DASH}", "-"),
        **dict.fromkeys("\N{EN DASH}\N{EM DASH}\N{SUPERSCRIPT MINUS}", "-"),
        **dict.fromkeys("\N{DIVISION SLASH}\N{FRACTION SLASH}", "/"),
        **dict.fromkeys("\N{MIDDLE DOT}\N{DOT OPERATOR}\N{MULTIPLICATION SIGN}", "*"),
        **dict.fromkeys("\N{TILDE OPERATOR}\N{WAVE DASH}", "~"),
        "\N{ALMOST EQUAL TO}": "=~",
        "\N{HORIZONTAL ELLIPSIS}": "...",
        "\N{ARABIC DECIMAL SEPARATOR}": ".",
        "\N{ARABIC THOUSANDS SEPARATOR}": ",",
    }
)
_SUPERSCRIPTS = re.compile("[\N{SUPERSCRIPT MINUS}-]?[\u00b9\u00b2\u00b3\u2070\u2074-\u2079]+")


def in_plain_characters(text: str) -> str:
    """Write what has one meaning with one character each, in lower case and with single spaces.

    Digits of any script become 0-9, dashes "-", quotation marks and primes ' and ", one half as a
    character ".5", exponents "^" and digits. Line breaks are kept.
    """
    if not text.isascii():
        text = _SUPERSCRIPTS.sub(_exponent, text)
        text = "".join(_plain_number(character) for character in text.translate(_PLAIN))
        text = unicodedata.normalize("NFKC", text).translate(_PLAIN)
        text = re.sub(r"(?<=\d)\s(?=\.\d)", "", text)
    text = re.sub(r"[^\S\n]+", " ", text.lower())
    return re.sub(r" ?\n[ \n]*", "\n", text)


def spelled_number(words: str) -> float:
    """Read a number that `SPELLED` matches; NaN where its words make none, as "two three" do."""
    if any(name in words for name in _PARTS):
        return _part(words.partition(" of ")[0].removesuffix(" a").removesuffix(" an"))
    whole, _, decimals = words.partition(" point ")
    total = group = 0
    for word in re.split("[ -]", whole.replace(" and ", " ")):
        if word == "hundred":
            group = max(group, 1) * 100
        elif word == "thousand":
            total, group = total + max(group, 1) * 1000, 0
        elif (word in _TENS and group % 100 == 0) or (
            word in _SMALL and (group % 100 == 0 or (group % 10 == 0 and _SMALL[word] < 10))
        ):
            group += _TENS.get(word, 0) + _SMALL.get(word, 0)
        else:
            return math.nan
    return float(f"{total + group}.{''.join(str(_SMALL[word]) for word in decimals.split())}")


def part_of_one(words: str | None) -> float:
    """Give what `AND_A_PART` matched adds, in units."""
    return _part(re.split("[ -]and[ -]", words)[-1]) if words else 0.0


def _part(words: str) -> float:
    """Read a part of one: "half", "two-thirds", "3/4"."""
    if "/" in words:
        numerator, denominator = map(int, words.split("/"))
        return numerator / denominator
    count, _, name = words.replace("-", " ").rpartition(" ")
    return _COUNTED.get(count, 1) / _PARTS[name.removesuffix("s")]


def _exponent(match: re.Match[str]) -> str:
    return "^" + unicodedata.normalize("NFKC", match[0])


def _plain_number(character: str) -> str:
    if character.isascii():
        return character
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    value = unicodedata.numeric(character, None)
    if (
        value is not None
        and unicodedata.normalize("NFKC", character) != character
        and 0 < value < 1
    ):
        return f"{value:.4f}".rstrip("0").removeprefix("0")
    return character
