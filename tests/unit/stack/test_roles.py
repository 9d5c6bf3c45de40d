"""Addresses of external servers."""

import pytest

from cloche.stack.roles import target_database, with_login


@pytest.mark.parametrize(
    ("url", "database"),
    [
        ("postgresql://a:b@h/postgres", "cloche"),
        ("postgresql://a:b@h", "cloche"),
        ("postgresql://a:b@h/template1", "cloche"),
        ("postgresql://a:b@h/mine?sslmode=require", "mine"),
    ],
)
def test_a_maintenance_database_means_cloches_own(url: str, database: str) -> None:
    assert target_database(url) == database


def test_another_login_keeps_host_port_and_options() -> None:
    url = with_login(
        "postgresql://admin:p%40w@db.example:5433/postgres?sslmode=require", "cloche_api", "secret", "cloche"
    )
    assert url == "postgresql://cloche_api:secret@db.example:5433/cloche?sslmode=require"
