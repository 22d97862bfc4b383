"""The page on bad input says what the corpus asserts."""

from tests.corpus.page import PAGE, page


def test_the_page_is_as_the_catalogue_makes_it():
    """`python -m tests.corpus.page` writes it anew."""
    assert PAGE.read_text("utf-8") == page()
