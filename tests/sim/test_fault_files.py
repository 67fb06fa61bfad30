"""What becomes of downloads: dead links, redirects, other files, other lengths."""

from __future__ import annotations

from urllib.parse import urljoin

import pytest
from sim.builders import (
    ALL_DONE,
    EVERY_DIALECT,
    Wire,
    a_gateway,
    get_link,
    link_of,
    poll,
    submit,
    submitted,
    with_fault,
)

from pipeline.sim.wire import Reply


def downloaded(fault: str) -> Reply:
    """The first answer of the file host under a fault."""
    gateway = a_gateway(with_fault(fault))
    return get_link(gateway, link_of(gateway, submitted(gateway)))


@EVERY_DIALECT
def test_a_truncated_download_keeps_its_announced_length(wire: Wire) -> None:
    gateway = a_gateway(with_fault("fault: truncate, fraction: 0.25, attempts: 1"))
    link = link_of(gateway, submitted(gateway, wire=wire), wire=wire)

    cut, whole = get_link(gateway, link), get_link(gateway, link)

    assert (cut.status, cut.cut_at, cut.clip) == (200, 0.25, whole.clip)
    assert whole.cut_at is None


@EVERY_DIALECT
def test_an_expired_link_stays_so_until_a_poll(wire: Wire) -> None:
    gateway = a_gateway(with_fault("fault: expired_link, attempts: 1"))
    job = submitted(gateway, wire=wire)
    link = link_of(gateway, job, wire=wire)

    statuses = [get_link(gateway, link).status for _ in range(3)]
    fresh = link_of(gateway, job, wire=wire)

    assert statuses == [403, 403, 403]
    assert fresh != link
    assert get_link(gateway, fresh).status == 200
    assert get_link(gateway, link).status == 403
    assert gateway.bill()["requests"]["downloads"] == {"403": 4}


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_dead_link_has_many_statuses(status: int) -> None:
    assert downloaded(f"fault: expired_link, status: {status}").status == status


def test_a_link_may_die_early() -> None:
    """At an age; a poll brings one that lives as long."""
    gateway = a_gateway(with_fault("fault: expired_link, after_s: 60"))
    job = submitted(gateway)
    link = link_of(gateway, job)

    statuses = [get_link(gateway, link, ALL_DONE + age_s).status for age_s in (0, 59, 60, 61)]
    fresh = link_of(gateway, job, ALL_DONE + 61)

    assert statuses == [200, 200, 403, 403]
    assert get_link(gateway, fresh, ALL_DONE + 62).status == 200


def test_how_a_file_is_sent() -> None:
    longer, unknown = downloaded("fault: longer, fraction: 0.25"), downloaded("fault: no_length")
    part = downloaded("fault: no_length, fraction: 0.5, chunked: true")

    assert (longer.announced, longer.cut_at) == (0.25, None)
    assert (unknown.announced, unknown.chunked, unknown.cut_at) == (None, False, None)
    assert (part.announced, part.chunked, part.cut_at) == (None, True, 0.5)
    assert not any(reply.is_plain for reply in (longer, unknown, part))


def test_another_file_of_the_same_job() -> None:
    honest, blind = downloaded("fault: changed"), downloaded("fault: changed, blind: true")

    assert (honest.edition, honest.ranges) == (1, "kept")
    assert (blind.edition, blind.ranges) == (1, "blind")
    assert downloaded("fault: range_ignored").ranges == "ignored"
    assert honest.is_plain


def test_a_redirect_elsewhere_is_followed_once() -> None:
    """To the same file under another name of this machine."""
    gateway = a_gateway(with_fault("fault: redirect, phase: download"))
    link = link_of(gateway, submitted(gateway)).replace("sim.test", "127.0.0.1:1")
    path = link.removeprefix("http://127.0.0.1:1")

    moved = get_link(gateway, path)
    there = get_link(gateway, moved.headers["Location"].removeprefix("http://sim.test"))

    assert moved.status == 302
    assert there.status == 200


def test_a_redirect_in_a_loop_never_ends() -> None:
    gateway = a_gateway(with_fault("fault: redirect, phase: download, to: loop, status: 307"))
    link = link_of(gateway, submitted(gateway))

    seen = set()
    for _ in range(10):
        reply = get_link(gateway, link)
        assert reply.status == 307
        seen.add(link)
        link = urljoin(link, reply.headers["Location"])

    assert len(seen) == 10


@EVERY_DIALECT
def test_a_redirect_home_is_what_a_wrong_address_gets(wire: Wire) -> None:
    gateway = a_gateway(with_fault("fault: redirect, phase: [submit, poll], to: home, status: 301"))

    reply = submit(gateway, wire=wire)

    assert (reply.status, reply.headers["Location"]) == (301, "/")
    assert gateway.bill()["submissions"] == 0


def test_a_key_shown_to_the_file_host_is_noticed() -> None:
    gateway = a_gateway()
    link = link_of(gateway, submitted(gateway))

    get_link(gateway, link)  # the builders' requests all have it

    assert gateway.bill()["file_requests_with_key"] == 1


def test_downloads_of_a_struck_job_are_still_billed_once() -> None:
    gateway = a_gateway(with_fault("fault: expired_link"))
    job = submitted(gateway)
    for _ in range(5):
        get_link(gateway, link_of(gateway, job))

    assert gateway.bill()["submissions"] == 1
    assert poll(gateway, job).status == 200
