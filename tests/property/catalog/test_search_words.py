"""Typing errors are counted as the textbook counts them, whatever the limit."""

from __future__ import annotations

from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from catalog_svc.domain.search import likely_meanings, read_question, typing_errors

words = st.text("abc", max_size=7)


def textbook(one: str, other: str) -> int:
    @cache
    def distance(i: int, j: int) -> int:
        if not (i and j):
            return i + j
        best = min(
            distance(i - 1, j) + 1, distance(i, j - 1) + 1, distance(i - 1, j - 1) + (one[i - 1] != other[j - 1])
        )
        if i > 1 and j > 1 and one[i - 1] == other[j - 2] and one[i - 2] == other[j - 1]:
            best = min(best, distance(i - 2, j - 2) + 1)
        return best

    return distance(len(one), len(other))


@given(words, words, st.integers(0, 3))
def test_errors_up_to_the_limit_are_exact(one: str, other: str, most: int) -> None:
    assert min(typing_errors(one, other, most), most + 1) == min(textbook(one, other), most + 1)


@given(words, st.lists(words))
def test_meanings_are_near_and_never_the_word_itself(word: str, known: list[str]) -> None:
    meanings = likely_meanings(word, known)
    assert word not in meanings
    assert all(textbook(word, other) <= 2 for other in meanings)


@given(st.text())
def test_any_text_is_a_question(text: str) -> None:
    question = read_question(text)
    assert len(question.words) <= 8
    assert not any(set("'\\:&|!()<>* ") & set(word) for word in question.words)
