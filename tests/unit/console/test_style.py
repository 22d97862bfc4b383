"""The console's look: colours that can be told from their grounds, in light and in dark."""

import math
import re
from itertools import combinations
from pathlib import Path

import pytest

from orderlake.console.render import FOLDER

CSS = (FOLDER / "static" / "console.css").read_text(encoding="utf-8")
LIGHT, DARK = (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block)) for block in re.findall(r":root \{(.*?)\}", CSS, re.DOTALL))  # fmt: skip  # noqa: E501
SCHEMES = [pytest.param(LIGHT, id="light"), pytest.param({**LIGHT, **DARK}, id="dark")]
TEXTS = ("text", "muted", "accent", "good", "warn", "bad")
SERIES = [f"series-{number}" for number in range(1, 9)]

EYES = {
    "all hues": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "no red": ((0.1523, 1.0526, -0.2049), (0.1145, 0.7863, 0.0992), (-0.0039, -0.0481, 1.0520)),
    "no green": ((0.3673, 0.8606, -0.2280), (0.2801, 0.6725, 0.0474), (-0.0118, 0.0429, 0.9689)),
    "no blue": ((1.2555, -0.0767, -0.1788), (-0.0784, 0.9308, 0.1476), (0.0047, 0.6914, 0.3039)),
}
"""How eyes without one kind of cones see linear red, green, blue (Machado, Oliveira, Fernandes 2009)."""


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def lab(colour, eyes):
    """A colour as these eyes see it, where distances are as large as they look (CIE 1976)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    r, g, b = (min(1, max(0, sum(weight * part for weight, part in zip(row, linear, strict=True)))) for row in eyes)
    xyz = (
        (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047,
        0.2126 * r + 0.7152 * g + 0.0722 * b,
        (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883,
    )
    x, y, z = (part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116 for part in xyz)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("ground", ["bg", "panel", "sunken"])
def test_words_can_be_read(scheme, text, ground):
    assert contrast(scheme[text], scheme[ground]) >= 4.5


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", ["accent", "good", "warn", "bad"])
def test_words_on_their_own_tint_can_be_read(scheme, name):
    assert contrast(scheme[name], scheme[f"{name}-soft"]) >= 4.5
    assert contrast(scheme["text"], scheme[f"{name}-soft"]) >= 4.5


@pytest.mark.parametrize("scheme", SCHEMES)
def test_buttons_and_borders_of_fields_can_be_seen(scheme):
    assert contrast(scheme["on-accent"], scheme["accent"]) >= 4.5
    assert contrast(scheme["edge"], scheme["panel"]) >= 3


@pytest.mark.parametrize("scheme", SCHEMES)
def test_series_can_be_told_from_the_panel(scheme):
    assert min(contrast(scheme[series], scheme["panel"]) for series in SERIES) >= 3


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("eyes", EYES)
def test_series_can_be_told_from_each_other_by_eyes_that_see_few_hues(scheme, eyes):
    seen = [lab(scheme[series], EYES[eyes]) for series in SERIES]
    assert min(math.dist(one, other) for one, other in combinations(seen[:4], 2)) >= 24
    assert min(math.dist(one, other) for one, other in combinations(seen, 2)) >= 15


def test_dark_changes_every_colour():
    assert DARK.keys() == LIGHT.keys()
    assert not [name for name in LIGHT if LIGHT[name] == DARK[name]]


@pytest.mark.parametrize("file", sorted((FOLDER / "static").glob("*.css")), ids=lambda file: file.name)
def test_style_sheets_ask_for_nothing_and_use_the_tokens_that_exist(file):
    text = Path(file).read_text(encoding="utf-8")
    assert "@import" not in text
    assert "url(" not in text
    used = set(re.findall(r"var\(--([\w-]+)", text))
    own = set(re.findall(r"--([\w-]+):", text)) | set(re.findall(r"--([\w-]+):", CSS))
    assert used <= own


def test_motion_is_only_for_those_who_do_not_mind():
    assert "prefers-reduced-motion: reduce" in CSS
