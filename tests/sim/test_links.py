"""A link lives its time, is given again meanwhile, and cannot be made up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sim.links import Links


def query_of(link: str) -> str:
    return link.partition("?")[2]


def test_the_same_link_is_given_until_it_expires() -> None:
    links = Links(b"secret", 60.0)

    first, again, later = (links.give("a", now) for now in (100.0, 159.0, 160.0))

    assert first == again != later


def test_it_works_until_it_expires() -> None:
    links = Links(b"secret", 60.0)
    query = query_of(links.give("a", 100.0))

    assert links.live("a", query, 159.9) is not None
    assert links.live("a", query, 160.0) is None


def test_a_revoked_link_is_replaced() -> None:
    links = Links(b"secret", 60.0)
    query = query_of(links.give("a", 0.0))
    link = links.live("a", query, 0.0)
    assert link is not None

    links.revoke("a", link)

    assert links.live("a", query, 0.0) is None
    assert links.live("a", query_of(links.give("a", 0.0)), 0.0) is not None


@pytest.mark.parametrize(
    "query", ["", "sig=x&exp=1e9&n=1", "exp=999999.000&n=1", "sig=%ff&exp=nan&n=1", "sig=x&exp=1&n=no"]
)
def test_made_up_queries_are_refused(query: str) -> None:
    links = Links(b"secret", 60.0)
    links.give("a", 0.0)

    assert links.live("a", query, 0.0) is None


@given(query=st.text())
def test_no_text_is_taken_for_a_link(query: str) -> None:
    assert Links(b"secret", 60.0).live("a", query, 0.0) is None


def test_a_link_holds_for_its_job_its_time_and_its_world() -> None:
    links = Links(b"secret", 60.0)
    query = query_of(links.give("a", 0.0))

    assert links.live("b", query, 0.0) is None
    assert links.live("a", query.replace("exp=60.000", "exp=99.000"), 0.0) is None
    assert Links(b"other", 60.0).live("a", query, 0.0) is None


def test_a_link_given_before_a_restart_still_works() -> None:
    query = query_of(Links(b"secret", 60.0).give("a", 0.0))

    assert Links(b"secret", 1.0).live("a", query, 59.0) is not None
