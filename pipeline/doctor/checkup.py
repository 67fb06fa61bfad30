"""All checks in order: this machine, the output folder, manifests, keys, gateways, clocks, batches."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import anyio

from pipeline.clock import Clock
from pipeline.config import Settings
from pipeline.doctor.batch import batch_check
from pipeline.doctor.disk import disk_checks
from pipeline.doctor.finding import GATEWAY_EXIT, Finding, fine, problem
from pipeline.doctor.gateway import address, key_check, reach
from pipeline.doctor.machine import codecs, versions
from pipeline.errors import ManifestError, UsageError
from pipeline.manifest import read_manifest
from pipeline.manifest.rules import can_be_batch
from pipeline.opening import check_manifest
from pipeline.providers import PROVIDERS, provider_named
from pipeline.providers.base import Provider
from pipeline.secret import Secret

SIM = "sim"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """What is to be looked at, as a run would be asked for it."""

    manifests: Sequence[Path] = ()
    output: Path = Path("output")
    provider: str | None = None
    base_url: str | None = None
    allow_insecure: bool = False
    env: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)  # holds keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A manifest as far as it could be read: also a faulty one mostly names provider and batch."""

    finding: Finding
    provider: Provider | None = None
    batch: str | None = None


async def examine(patient: Patient, clock: Clock) -> list[Finding]:
    """Every finding. Raises UsageError where it is not clear what to look at."""
    asked_for = None if patient.provider is None else provider_named(patient.provider)
    read = [read_one(path, patient) for path in patient.manifests]
    providers = _providers(read, asked_for, patient.env)
    if patient.base_url is not None and len([one for one in providers if one.name != SIM]) > 1:
        raise UsageError(f"--base-url is for one gateway, and there are {_names(providers)}: add --provider")
    keys = {one.name: key_check(one, patient.env) for one in providers}
    addresses = {
        one.name: address(one, patient.env, patient.base_url, allow_insecure=patient.allow_insecure)
        for one in providers
        if one.name != SIM
    }
    findings = [versions(), codecs(), *disk_checks(patient.output), *(one.finding for one in read)]
    findings += [*([] if providers else [no_key()]), *(finding for _, finding in keys.values())]
    findings += await _gateways(
        providers, {name: key for name, (key, _) in keys.items()}, addresses, patient, clock
    )
    return [*findings, *_batches(read, addresses, patient.output)]


def read_one(path: Path, patient: Patient) -> Read:
    """Check a manifest as `validate` does."""
    name = f"manifest {path}"
    try:
        checked = check_manifest(path, patient.provider, patient.env)
    except ManifestError as exc:
        seen = f"{exc.total} problem{'s' * (exc.total != 1)}"
        finding = problem(name, seen, f"nightreel validate {path} shows {'it' if exc.total == 1 else 'them'}")
        head = read_manifest(lambda: path.open("rb"), str(path)).head
        provider = PROVIDERS.get(patient.provider or head.provider or "")
        batch = head.batch or (path.stem if can_be_batch(path.stem) else None)
        return Read(finding=finding, provider=provider, batch=batch)
    except UsageError as exc:
        return Read(finding=problem(name, str(exc), "name a YAML file that can be read"))
    jobs = checked.manifest.jobs
    title = checked.provider.capabilities.title
    seen = f"{jobs} job{'s' * (jobs != 1)} for {title}, batch {checked.batch}"
    return Read(finding=fine(name, seen), provider=checked.provider, batch=checked.batch)


def _providers(read: Sequence[Read], asked_for: Provider | None, env: Mapping[str, str]) -> list[Provider]:
    """Those in question: asked for, else of the manifests, else all whose key is set."""
    if asked_for is not None:
        return [asked_for]
    named = {one.provider.name: one.provider for one in read if one.provider is not None}
    return list(named.values()) or [
        one for name, one in PROVIDERS.items() if name != SIM and one.capabilities.key_env in env
    ]


def no_key() -> Finding:
    variables = [one.capabilities.key_env for name, one in PROVIDERS.items() if name != SIM]
    return problem(
        "key",
        f"none is set: {', '.join(variables)}",
        f"export {variables[0]}=... or name a file with --env-file; the provider {SIM} needs none",
        GATEWAY_EXIT,
    )


async def _gateways(
    providers: Sequence[Provider],
    keys: Mapping[str, Secret | None],
    addresses: Mapping[str, Settings | Finding],
    patient: Patient,
    clock: Clock,
) -> list[Finding]:
    """Ask all at once: one that does not answer takes its whole time."""
    found: dict[str, list[Finding]] = {one.name: [] for one in providers}

    async def ask(provider: Provider, settings: Settings, key: Secret) -> None:
        found[provider.name] = await reach(provider, settings, key, patient.env, clock)

    async with anyio.create_task_group() as group:
        for one in providers:
            place, key = addresses.get(one.name), keys[one.name]
            if place is None:
                found[one.name] = [fine(f"gateway {one.name}", "nothing to reach: a run brings its own")]
            elif isinstance(place, Finding):
                found[one.name] = [place]
            elif key is not None:
                group.start_soon(ask, one, place, key)
    return [finding for findings in found.values() for finding in findings]


def _batches(
    read: Sequence[Read], addresses: Mapping[str, Settings | Finding], output: Path
) -> Iterator[Finding]:
    """Each batch once; two manifests of one batch are a problem of their own."""
    seen: set[str] = set()
    for one in read:
        if one.batch is None:
            continue
        if one.batch in seen:
            yield problem(
                f"batch {one.batch}", "named by two of these manifests", "give one of them another name"
            )
            continue
        seen.add(one.batch)
        name = one.provider.name if one.provider else None
        place = addresses.get(name or "")
        origin = SIM if name == SIM else place.origin if isinstance(place, Settings) else None
        yield batch_check(output / one.batch, origin)


def _names(providers: Sequence[Provider]) -> str:
    return ", ".join(one.name for one in providers)
