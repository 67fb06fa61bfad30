"""`nightreel sim`: a gateway on this machine that bills nothing."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Annotated, Literal

import anyio
import typer

from pipeline.cli.app import say
from pipeline.errors import UsageError
from pipeline.sim import Scenario, ServerConfig, WorldFolderError, serve
from pipeline.simulated import scenario_named


def command(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8787,
    key: Annotated[str, typer.Option(help="The key that clients must send.")] = "sim-key",
    scenario: Annotated[
        str | None, typer.Option(help="A YAML file with faults and settings, or the name of a shipped one.")
    ] = None,
    world: Annotated[
        Path | None, typer.Option(help="Keep jobs and clips in this folder, to find them again.")
    ] = None,
    clips: Annotated[
        Literal["real", "small"] | None, typer.Option(help="Real clips, or tiny ones for load.")
    ] = None,
    render_s: Annotated[float | None, typer.Option(min=0, help="Median seconds that a clip takes.")] = None,
    link_life_s: Annotated[float | None, typer.Option(min=0, help="Seconds that a link lives.")] = None,
    seed: Annotated[int, typer.Option(help="Another number, another night.")] = 0,
) -> None:
    """Run the simulator as a server, until Ctrl-C: CometAPI, xAI and GlobalAiOpc on one port.

    What it would have charged is at /sim/bill. It prints the settings for each gateway, one line each.

    \b
    Example, in two terminals:
      nightreel sim --port 8787
      COMETAPI_BASE_URL=http://127.0.0.1:8787 COMETAPI_KEY=sim-key nightreel run jobs.yaml
    """
    config = ServerConfig(
        host=host,
        port=port,
        key=key,
        seed=seed,
        scenario=Scenario() if scenario is None else scenario_named(scenario),
        world=world,
        clips=clips,
        render_s=render_s,
        link_life_s=link_life_s,
        ready=lambda url: _ready(url, key),
    )
    try:
        asyncio.run(_serve(config))
    except* OSError as group:
        raise UsageError(f"cannot listen on {host}:{port}: {_first(group)}") from None
    except* WorldFolderError as group:
        raise UsageError(str(_first(group))) from None


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error inside a task group's wrapping."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _ready(url: str, key: str) -> None:
    settings = (
        f"COMETAPI_BASE_URL={url} COMETAPI_KEY={key}",
        f"XAI_BASE_URL={url} XAI_API_KEY={key}",
        f"GLOBALAIOPC_BASE_URL={url}/kyyReactApiServer GLOBALAIOPC_KEY={key}",
    )
    print("\n".join(settings), flush=True)  # at once: a reader may take the first line and leave
    say(f"simulator at {url}, bill at {url}/sim/bill; stop it with Ctrl-C")


async def _serve(config: ServerConfig) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(serve, config)
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for _ in signals:
                group.cancel_scope.cancel()
                return
