"""Page tokens are opaque, and good only for the query they were made for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from usav.catalog.v1 import family_pb2

from chassis.errors import InvalidArgument
from chassis.page_tokens import MAX_PAGE_SIZE, PageTokenInvalid, PageTokens, page_size
from chassis.seal import Seal

TOKENS = PageTokens(Seal("key"))


def request(**fields: object) -> family_pb2.ListFamiliesRequest:
    return family_pb2.ListFamiliesRequest(**fields)  # type: ignore[arg-type]  # fields by name


@given(st.tuples(st.one_of(st.text(), st.none()), st.integers()))
def test_a_position_comes_back_as_it_went(position: tuple[object, ...]) -> None:
    token = TOKENS.seal(request(page_size=5), position)
    assert TOKENS.position(request(page_token=token, page_size=9)) == position


def test_the_first_page_has_no_position() -> None:
    assert TOKENS.position(request()) is None


def test_a_token_does_not_show_its_position() -> None:
    assert "845" not in TOKENS.seal(request(), (845,))


@pytest.mark.parametrize("token", ["x", "####", "é", "A" * 60, "A" * 4000])
def test_a_made_up_token_is_refused(token: str) -> None:
    with pytest.raises(PageTokenInvalid):
        TOKENS.position(request(page_token=token))


def test_a_token_of_another_query_is_refused() -> None:
    token = TOKENS.seal(request(), (1,))
    other = family_pb2.ListFamiliesRequest(page_token=token, q="bose")
    with pytest.raises(PageTokenInvalid):
        TOKENS.position(other)


def test_a_token_under_another_key_is_refused() -> None:
    token = PageTokens(Seal("other")).seal(request(), (1,))
    with pytest.raises(PageTokenInvalid):
        TOKENS.position(request(page_token=token))


@pytest.mark.parametrize(("asked", "given_"), [(0, 50), (7, 7), (10**6, MAX_PAGE_SIZE)])
def test_page_size_has_a_default_and_a_cap(asked: int, given_: int) -> None:
    assert page_size(asked) == given_


def test_a_negative_page_size_is_an_error() -> None:
    with pytest.raises(InvalidArgument, match="page_size"):
        page_size(-1)
