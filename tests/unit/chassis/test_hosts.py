"""Addresses of several hosts as libpq and asyncpg take them."""

from __future__ import annotations

import pytest

from chassis.hosts import plain_url


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        ("postgresql+asyncpg://u:p@a:1/hub", "postgresql://u:p@a:1/hub"),
        ("postgresql://u:p@a/hub?sslmode=require", "postgresql://u:p@a/hub?sslmode=require"),
        ("postgresql://u:p@a:1,b:2/hub", "postgresql://u:p@a:1,b:2/hub?target_session_attrs=read-write"),
        (
            "postgresql://u:p,q@a,b,c/hub?sslmode=require",
            "postgresql://u:p,q@a,b,c/hub?sslmode=require&target_session_attrs=read-write",
        ),
        (
            "postgresql://u:p@a,b/hub?target_session_attrs=primary",
            "postgresql://u:p@a,b/hub?target_session_attrs=primary",
        ),
        ("postgresql://u:p,q@a/hub", "postgresql://u:p,q@a/hub"),
    ],
)
def test_several_hosts_mean_the_one_that_takes_writes(given: str, plain: str) -> None:
    assert plain_url(given) == plain
    assert plain_url(plain) == plain
