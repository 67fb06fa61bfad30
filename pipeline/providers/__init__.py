"""The gateways that we can speak to, by name. A new one is one file, and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from pipeline.errors import UsageError
from pipeline.providers import cometapi, globalaiopc, xai
from pipeline.providers.base import PollAdvice, Provider
from pipeline.providers.cometapi import COMETAPI
from pipeline.providers.grok import Grok
from pipeline.providers.words import did_you_mean, one_of

# The simulator on this machine speaks CometAPI's dialect. It has no address of its own: it listens where the
# run or `nightreel sim` starts it, so `base_url` is empty. Its clips take seconds, so everything is quicker.
SIM = replace(
    COMETAPI,
    title="the simulator",
    key_env="NIGHTREEL_SIM_KEY",
    base_url_env="NIGHTREEL_SIM_URL",
    prices_env="NIGHTREEL_SIM_PRICES",
    base_url="",
    submit_per_s=1000.0,
    submit_known=True,
    poll_per_s=1000.0,
    max_in_flight=50,
    poll=PollAdvice(first_s=0.3, min_s=0.05, max_s=5.0, growth=0.1),
    longest_s=20.0,
)

PROVIDERS: Mapping[str, Provider] = MappingProxyType(
    {
        "cometapi": cometapi.PROVIDER,
        "globalaiopc": globalaiopc.PROVIDER,
        "xai": xai.PROVIDER,
        "sim": Grok(name="sim", capabilities=SIM, root="/grok/v1/videos"),
    }
)


def provider_named(name: str) -> Provider:
    """The provider called `name`; UsageError with the known names for any other."""
    if found := PROVIDERS.get(name):
        return found
    raise UsageError(f'unknown provider "{name}"; known: {one_of(PROVIDERS)}.{did_you_mean(name, PROVIDERS)}')
