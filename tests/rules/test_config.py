"""Settings of a run: whose word counts, and what a key or an address must be before anything is sent."""

from __future__ import annotations

import copy
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders_core import steady

from pipeline.config import checked_base_url, checked_key, is_loopback, origin_of, resolve, shared
from pipeline.errors import GatewayUnusableError
from pipeline.manifest.shapes import Limits
from pipeline.providers.cometapi import COMETAPI
from pipeline.secret import Secret

KEY = "sk-0123456789abcdef"
ENV = {"COMETAPI_KEY": KEY}


# --- keys


@pytest.mark.parametrize(
    ("env", "complaint"),
    [
        ({}, "is not set"),
        ({"K": ""}, "is empty"),
        ({"K": KEY + "\n"}, "a line break"),
        ({"K": KEY + "\r\n"}, "a line break"),
        ({"K": "sk-1\r\nX-Evil: 1"}, "a line break"),
        ({"K": " " + KEY}, "a character no key has"),
        ({"K": "   "}, "a character no key has"),
        ({"K": KEY + "\t"}, "a character no key has"),
        ({"K": KEY + "\0"}, "a character no key has"),
        ({"K": KEY + "\x7f"}, "a character no key has"),
        ({"K": "sk-schlüssel"}, "a character no key has"),
        ({"K": "\N{LEFT DOUBLE QUOTATION MARK}" + KEY}, "a character no key has"),
        ({"K": KEY + "\udcff"}, "a character no key has"),
    ],
    ids=repr,
)
def test_a_key_that_cannot_stand_in_a_header_is_refused(env: dict[str, str], complaint: str) -> None:
    """The message names the variable and the fault, and never holds the key."""
    with pytest.raises(GatewayUnusableError, match=complaint) as caught:
        checked_key("K", env)

    assert str(caught.value).startswith("K ")
    assert not any(part in str(caught.value) for part in env.get("K", "").split())
    assert caught.value.exit_code == 3


@steady
@given(key=st.text())
def test_any_key_is_taken_as_it_is_or_refused_without_being_told(key: str) -> None:
    """What passes is printable ASCII without a space; what does not stays unsaid."""
    if key and all("!" <= char <= "~" for char in key):
        assert checked_key("K", {"K": key}).reveal() == key
    else:
        with pytest.raises(GatewayUnusableError) as caught:
            checked_key("K", {"K": key})
        assert len(key) < 8 or key not in str(caught.value)


@pytest.mark.parametrize(
    "shown",
    [
        repr,
        str,
        lambda secret: f"{secret}",
        lambda secret: f"{secret!r}",
        lambda secret: f"{secret!s:>40}",
        lambda secret: "%s %r" % (secret, secret),  # noqa: UP031 - one more way to print it
        lambda secret: "{0} {0!a}".format(secret),  # noqa: UP032
        lambda secret: repr([secret, {"key": secret}]),
        lambda secret: repr(settings(secret=secret)),
        lambda secret: str(asdict(settings(secret=secret))),
        lambda secret: repr(copy.deepcopy(secret)),
    ],
)
def test_a_secret_never_shows(shown: Any) -> None:
    """However it is printed, also inside of something else."""
    text = shown(Secret(KEY))

    assert "***" in text
    assert KEY not in text


def test_a_secret_with_a_format_of_its_own_does_not_show_either() -> None:
    """Even the error about an odd format keeps it."""
    with pytest.raises(TypeError) as caught:
        f"{Secret(KEY):>40}"

    assert KEY not in str(caught.value)


def test_a_secret_has_no_attributes_to_list() -> None:
    """A debugger's dump of `__dict__` finds nothing."""
    assert not hasattr(Secret(KEY), "__dict__")


# --- addresses


@pytest.mark.parametrize(
    ("url", "taken", "origin"),
    [
        ("https://api.x.ai", "https://api.x.ai", "https://api.x.ai:443"),
        ("https://api.x.ai/", "https://api.x.ai", "https://api.x.ai:443"),
        ("https://h.example:8443//", "https://h.example:8443", "https://h.example:8443"),
        ("https://h.example/kyy/Api/", "https://h.example/kyy/Api", "https://h.example:443"),
        ("https://api.x.ai:443", "https://api.x.ai:443", "https://api.x.ai:443"),
        ("HTTPS://Api.X.AI/P", "HTTPS://Api.X.AI/P", "https://api.x.ai:443"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.9.9.9", "http://127.9.9.9", "http://127.9.9.9:80"),
        ("http://localhost/p", "http://localhost/p", "http://localhost:80"),
        ("http://sim.localhost:1", "http://sim.localhost:1", "http://sim.localhost:1"),
        ("http://[::1]:8080/p", "http://[::1]:8080/p", "http://[::1]:8080"),
        ("https://[2001:db8::1]", "https://[2001:db8::1]", "https://[2001:db8::1]:443"),
    ],
)
def test_a_good_address(url: str, taken: str, origin: str) -> None:
    """The last slash goes, the prefix stays, and the origin says scheme, host and port in one spelling."""
    found = checked_base_url(url, allow_insecure=False)

    assert found == taken
    assert origin_of(found) == origin


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("api.x.ai", "is not an address"),
        ("ftp://api.x.ai", "is not an address"),
        ("file:///etc/passwd", "is not an address"),
        ("https://", "is not an address"),
        ("https:///p", "is not an address"),
        ("", "is not an address"),
        ("https://h:port", "is not an address"),
        ("https://h:99999", "is not an address"),
        ("https://[::1", "is not an address"),
        ("https://user@api.x.ai", "must hold no user name"),
        ("https://user:pw@api.x.ai", "must hold no user name"),
        ("https://api.x.ai/?a=b", "must hold no user name"),
        ("https://api.x.ai/#top", "must hold no user name"),
        ("https://api.x.ai/?", "must hold no user name"),  # would swallow the path of every call
        ("https://api.x.ai#", "must hold no user name"),
        ("https://api.x.ai\n", "a space or a line end"),
        ("https://api.x.ai ", "a space or a line end"),
        (" https://api.x.ai", "a space or a line end"),
        ("https://api.x\t.ai", "a space or a line end"),
        ("https://api.x.ai/a b", "a space or a line end"),
        ("http://api.x.ai", "unencrypted"),
        ("http://192.168.0.7:8080", "unencrypted"),
        ("http://0.0.0.0", "unencrypted"),
        ("http://localhost.evil.example", "unencrypted"),
        ("http://127.0.0.1.evil.example", "unencrypted"),
        ("http://2130706433", "unencrypted"),
        ("http://[2001:db8::1]", "unencrypted"),
    ],
)
def test_a_bad_address_is_refused(url: str, complaint: str) -> None:
    """Nothing is sent to it, exit 3, and the text says what was expected."""
    with pytest.raises(GatewayUnusableError, match=complaint) as caught:
        checked_base_url(url, allow_insecure=False)

    assert caught.value.exit_code == 3


def test_a_password_in_a_good_address_is_not_repeated() -> None:
    """Whoever pastes credentials into a URL finds them in no message."""
    with pytest.raises(GatewayUnusableError) as caught:
        checked_base_url("https://user:hunter2@api.x.ai", allow_insecure=False)

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["ftp://user:hunter2@h", "https://user:hunter2@h:port", "https://user:hunter2@[::1"]
)
def test_a_password_in_a_bad_address_is_not_repeated(url: str) -> None:
    """Also where the address cannot be taken apart."""
    with pytest.raises(GatewayUnusableError) as caught:
        checked_base_url(url, allow_insecure=False)

    assert "hunter2" not in str(caught.value)


def test_plain_http_elsewhere_is_for_those_who_say_so() -> None:
    """`--allow-insecure` allows the scheme and nothing else."""
    assert checked_base_url("http://192.168.0.7:8080", allow_insecure=True) == "http://192.168.0.7:8080"
    with pytest.raises(GatewayUnusableError, match="not an address"):
        checked_base_url("ftp://192.168.0.7", allow_insecure=True)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("a.localhost", True),
        ("127.0.0.1", True),
        ("::1", True),
        ("notlocalhost", False),
        ("localhost.", False),
        ("10.0.0.1", False),
        ("::", False),
        ("", False),
    ],
)
def test_is_loopback(host: str, expected: bool) -> None:
    """Only names and literals that cannot lead off this machine."""
    assert is_loopback(host) is expected


# --- whose word counts


def settings(limits: Limits | None = None, secret: Secret | None = None, **options: Any) -> Any:
    env = options.pop("env", ENV) if secret is None else {"COMETAPI_KEY": secret.reveal()}
    return resolve("cometapi", COMETAPI, limits or Limits(), env, **options)


def test_with_nothing_said_the_providers_facts_count() -> None:
    """Default of last resort: the provider's table."""
    found = settings()

    assert found.base_url == "https://api.cometapi.com"
    assert found.origin == "https://api.cometapi.com:443"
    assert found.key.reveal() == KEY
    assert (found.max_in_flight, found.submit_per_s, found.poll_per_s) == (20, 1.0, 5.0)
    assert not found.submit_known
    assert not found.share
    assert found.poll == COMETAPI.poll
    assert found.url_life_s == COMETAPI.url_life_s
    assert found.job_deadline_s == 1800.0
    assert not found.simulated


def test_limits_go_before_the_providers_facts() -> None:
    """What the manifest sets is what the run does."""
    limits = Limits(
        max_in_flight=3,
        downloads=2,
        submit_per_s=0.5,
        poll_per_s=2.0,
        poll_min_s=1.0,
        share=True,
        job_deadline_s=60.0,
    )

    found = settings(limits)

    assert (found.max_in_flight, found.downloads) == (3, 2)
    assert (found.submit_per_s, found.submit_known, found.poll_per_s) == (0.5, True, 2.0)
    assert found.share
    assert (found.poll.min_s, found.job_deadline_s) == (1.0, 60.0)


def test_a_floor_above_the_providers_ceiling_lifts_it() -> None:
    """`poll_min_s` is a hard floor, so the ceiling is never below it."""
    found = settings(Limits(poll_min_s=90.0))

    assert (found.poll.min_s, found.poll.max_s) == (90.0, 90.0)


def test_a_floor_below_the_advice_is_where_polls_begin() -> None:
    """Whoever wants to know sooner asks sooner, and still ever more rarely."""
    poll = settings(Limits(poll_min_s=0.5)).poll

    assert (poll.min_s, poll.max_s) == (0.5, COMETAPI.poll.max_s)
    assert 0.5 <= poll.first_s < COMETAPI.poll.first_s
    assert poll.growth >= COMETAPI.poll.growth


@pytest.mark.parametrize(
    ("flag", "env_url", "expected"),
    [
        ("https://flag.example", "https://env.example", "https://flag.example"),
        (None, "https://env.example/", "https://env.example"),
        (None, "", "https://api.cometapi.com"),
        (None, None, "https://api.cometapi.com"),
    ],
)
def test_flag_before_environment_before_default(flag: str | None, env_url: str | None, expected: str) -> None:
    """An empty variable is one that is not set."""
    env = ENV if env_url is None else ENV | {"COMETAPI_BASE_URL": env_url}

    assert settings(env=env, base_url=flag).base_url == expected


@pytest.mark.parametrize(
    "env", [{}, {"COMETAPI_KEY": "a\nb"}, ENV | {"COMETAPI_BASE_URL": "http://192.168.0.7"}], ids=str
)
def test_a_gateway_that_cannot_be_used_ends_it(env: dict[str, str]) -> None:
    """Key missing, key malformed, address unsafe: all before the first request."""
    with pytest.raises(GatewayUnusableError):
        settings(env=env)


def test_a_link_may_lead_away_from_any_gateway_but_the_embedded_simulator() -> None:
    """A server that is started by hand keeps its port, and a gateway's files lie on other hosts anyway."""
    local = resolve("cometapi", COMETAPI, Limits(), ENV, base_url="http://127.0.0.1:8787/prefix")
    embedded = replace(local, origin="sim")

    assert not embedded.leads_away("http://127.0.0.1:8787/files/a.mp4?sig=1")
    assert embedded.leads_away("http://127.0.0.1:9999/files/a.mp4?sig=1")
    assert embedded.leads_away("https://files.example/a.mp4")
    assert not local.leads_away("http://127.0.0.1:9999/files/a.mp4?sig=1")


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ((None, None), 20),
        ((5, None), 5),
        ((None, 100), 100),  # one that names none has no opinion
        ((30, 10), 10),
    ],
)
def test_what_batches_of_one_account_may_do_is_the_least_that_any_names(
    named: tuple[int | None, ...], expected: int
) -> None:
    """For all of them, whichever named it; each keeps what is its own."""
    facts = replace(COMETAPI, max_in_flight=20)
    env = {facts.key_env: "sk-test"}
    limits = [Limits(max_in_flight=most, poll_min_s=7.0 + n) for n, most in enumerate(named)]

    found = shared([resolve("cometapi", facts, each, env) for each in limits], limits)

    assert [each.max_in_flight for each in found] == [expected] * 2
    assert [each.poll.min_s for each in found] == [7.0, 8.0]


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ((Limits(), Limits()), (1.0, False, False)),
        ((Limits(submit_per_s=3.0), Limits()), (3.0, True, False)),
        ((Limits(), Limits(share=True)), (1.0, False, True)),
        ((Limits(share=False), Limits(share=True)), (1.0, False, True)),
    ],
)
def test_a_limit_and_a_share_that_one_batch_names_count_for_all(
    named: tuple[Limits, Limits], expected: tuple[float, bool, bool]
) -> None:
    """A rate that somebody names is a limit, and no longer where to start."""
    found = shared([resolve("cometapi", COMETAPI, each, ENV) for each in named], named)

    assert [(each.submit_per_s, each.submit_known, each.share) for each in found] == [expected] * 2
