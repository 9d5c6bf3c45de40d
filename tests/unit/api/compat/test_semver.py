"""Version selectors, as npm's semver chooses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloche.api.compat.semver import parse_version, satisfies

CHOSEN = [
    "*",
    "",
    "x",
    "3",
    "v3",
    "3.x",
    "3.11",
    "3.11.x",
    "3.11.7",
    "=3.11.7",
    "^3.9",
    "^3.11.7",
    "~3.11",
    "~3",
    "~>3.11",
]
CHOSEN += [
    ">=3",
    ">= 3.11.7",
    ">3.10",
    "<4",
    "<=3.11",
    "<=3.11.7",
    ">=3.10 <3.12",
    "3.9 - 3.11",
    "2 || 3.11.x",
    "1.0 - 4",
]
NOT_CHOSEN = ["2", "3.10", "3.11.6", "^2", "^3.12", "~3.10", ">3.11", ">3.11.7", "<3.11.7", "<3", "3.12 - 4", "1 || 2"]
NOT_CHOSEN += ["latest", "3.11.7.1", "three", "3..1", ">=3 nonsense", "^", "3.11.7-rc1"]


@pytest.mark.parametrize("selector", CHOSEN)
def test_selector_chooses(selector: str):
    assert satisfies((3, 11, 7), selector)


@pytest.mark.parametrize("selector", NOT_CHOSEN)
def test_selector_does_not_choose(selector: str):
    assert not satisfies((3, 11, 7), selector)


def test_caret_keeps_the_first_number_that_is_not_zero():
    assert satisfies((0, 2, 9), "^0.2.3")
    assert not satisfies((0, 3, 0), "^0.2.3")
    assert satisfies((0, 0, 3), "^0.0.3")
    assert not satisfies((0, 0, 4), "^0.0.3")


@pytest.mark.parametrize(("text", "version"), [("5.4", (5, 4, 0)), ("12", (12, 0, 0)), ("17.0.13+11", (17, 0, 13))])
def test_versions_have_three_numbers(text: str, version: tuple[int, int, int]):
    assert parse_version(text) == version


@given(st.text(max_size=300))
def test_no_selector_is_a_defect(selector: str):
    assert satisfies((1, 2, 3), selector) in {True, False}


@given(st.tuples(*[st.integers(0, 99)] * 3))
def test_a_version_chooses_itself_and_nothing_before_it(version: tuple[int, int, int]):
    text = ".".join(map(str, version))
    assert satisfies(version, text)
    assert satisfies(version, f"^{text}")
    assert not satisfies(version, f"<{text}")
