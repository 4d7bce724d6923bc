"""Published numbers as tables show them."""

import pytest

from pipeline_lib.reporting.published_marks import FOOTNOTES, MARKS, shown


@pytest.mark.parametrize(
    ("value", "factor", "status", "text"),
    [
        (1.5e-5, 1, "recalled-order-of-magnitude-only", "~1.5e-05 ‡"),
        (1.6e-4, 1, "recalled-order-of-magnitude-only", "~1.6e-04 ‡"),
        (39.5, 100, "recalled", "0.395 †"),
        (1402.45, 1, "printed", "1402.45"),
        (-0.16, 1, "printed", "-0.16"),
    ],
)
def test_a_number_is_shown_with_its_mark(value, factor, status, text):
    assert shown(value, factor, status) == text


def test_only_printed_numbers_go_without_mark_and_footnote():
    assert {status for status, mark in MARKS.items() if not mark} == {"printed"}
    assert set(FOOTNOTES) == set(MARKS) - {"printed"}
    assert all("not checked against the paper" in footnote for footnote in FOOTNOTES.values())
