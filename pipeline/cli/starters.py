"""The manifests that `nightreel init` writes: one per provider, at its cheapest settings, each fit to run."""

from __future__ import annotations

from pipeline.providers import provider_named

_HEAD = """\
# yaml-language-server: $schema=nightreel.schema.json
# {about}
version: 1
provider: {provider}
"""

_SIM = """\
defaults:                       # for every job that does not say otherwise
  duration: 2                   # seconds
  resolution: 480p
  aspect_ratio: 16:9
jobs:
  - id: candle                  # names the clip: output/<this file's name>/clips/candle.mp4
    prompt: A candle flickers on a wooden table.
  - id: lighthouse
    prompt: A lighthouse in a storm, waves against the rocks.
    aspect_ratio: 9:16          # this one upright
    tags: [hero]                # your own labels, to select jobs by
  - id: candle-snow             # changes the clip of another job
    edit: candle
    prompt: Add falling snow.
# - id: desk                    # starts from a picture next to this file, which decides the ratio
#   image: images/desk.png
#   prompt: Slow push-in, morning light.
"""

_COMETAPI = """\
defaults:                       # for every job that does not say otherwise
  model: grok-imagine-video     # the cheaper one; grok-imagine-video-1.5 offers 1080p
  duration: 1                   # seconds, up to 15: each is paid for
  resolution: 480p              # 720p costs more
  aspect_ratio: 16:9
limits:
  max_in_flight: 5              # jobs at the gateway at once
jobs:
  - id: candle                  # names the clip: output/<this file's name>/clips/candle.mp4
    prompt: A candle flickers on a wooden table.
# - id: desk                    # starts from a picture next to this file, which decides the ratio
#   image: images/desk.png
#   prompt: Slow push-in, morning light.
# - id: candle-snow             # changes the clip of another job
#   edit: candle
#   prompt: Add falling snow.
"""

_GLOBALAIOPC = """\
defaults:                       # for every job that does not say otherwise
  model: grok_video3            # also grok_video3_pro, grok_video3_max, grok_video3_stable
  duration: 6                   # seconds, up to 30; the shortest it makes
  resolution: 480p
  aspect_ratio: 16:9
limits:
  max_in_flight: 5              # jobs at the gateway at once
jobs:
  - id: candle                  # names the clip: output/<this file's name>/clips/candle.mp4
    prompt: A candle flickers on a wooden table.
# - id: desk                    # shows what is in a picture; the gateway wants a link, not a file
#   image: https://example.com/desk.png
#   prompt: Slow push-in, morning light.
"""

_XAI = """\
defaults:                              # for every job that does not say otherwise
  model: grok-imagine-video-1.5-lite   # the cheapest: $0.02 a second at 480p by xAI's list
  duration: 1                          # seconds, up to 15: each is paid for
  resolution: 480p                     # 720p and 1080p cost more
  aspect_ratio: 16:9
limits:
  max_in_flight: 5                     # jobs at the gateway at once
jobs:
  - id: candle                         # names the clip: output/<this file's name>/clips/candle.mp4
    prompt: A candle flickers on a wooden table.
# - id: desk                           # starts from a picture next to this file, which decides the ratio
#   image: images/desk.png
#   prompt: Slow push-in, morning light.
# - id: candle-snow                    # changes the clip of another job
#   edit: candle
#   model: grok-imagine-video          # the one that edits, and extends
#   prompt: Add falling snow.
"""

_BODIES = {"sim": _SIM, "cometapi": _COMETAPI, "globalaiopc": _GLOBALAIOPC, "xai": _XAI}


def starter(provider: str) -> str:
    """The text of a manifest for this provider. Raises UsageError for one that nobody knows."""
    facts = provider_named(provider).capabilities
    about = "Made by the built-in simulator: no key, no cost, a few seconds."
    if provider != "sim":
        about = f"For {facts.title}: put your key into {facts.key_env}. Running this costs a little money."
    return _HEAD.format(about=about, provider=provider) + _BODIES[provider]
