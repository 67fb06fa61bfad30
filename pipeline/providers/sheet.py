"""What the capability tables say, in words: for `nightreel providers`, and for the page docs/providers.md.

One reading of each field, so that the command, the page and the tables cannot tell different stories.
"""

from __future__ import annotations

from pipeline.model import Operation
from pipeline.money import usd_text
from pipeline.providers.base import Capabilities, ModelRules
from pipeline.providers.words import one_of, spelled

_MAKES = {Operation.GENERATE: "clips", Operation.EDIT: "edits", Operation.EXTEND: "extensions"}
NO_PRICE = "not published"


def provider_sheet(facts: Capabilities) -> dict[str, str]:
    """A provider's own facts, by what they are about."""
    poll, prompt = facts.poll, facts.max_prompt_chars
    inline_mb = facts.inline_video_bytes / 1_000_000
    return {
        "key": facts.key_env,
        "address": facts.base_url or "this machine",
        "another address": facts.base_url_env,
        "default model": facts.default_model,
        "prompt": "no limit stated" if prompt is None else f"at most {prompt} characters",
        "ratio of a clip from a picture": "the picture's" if facts.picture_sets_ratio else "as asked",
        "user": _yes(facts.takes_user),
        "a video from this disk": f"at most {inline_mb:g} MB" if inline_mb else "no",
        "submits per second": f"{'at most' if facts.submit_known else 'from'} {facts.submit_per_s:g}",
        "polls per second": f"at most {facts.poll_per_s:g}",
        "in flight": str(facts.max_in_flight),
        "first poll": f"after {poll.first_s:g} s",
        "polls of one clip": f"{poll.min_s:g} to {poll.max_s:g} s apart",
        "longest usual render time": _time(facts.longest_s),
        "life of a link": f"{facts.url_life_s / 3600:g} h",
    }


def _time(seconds: float) -> str:
    return f"{seconds:g} s" if seconds < 60 else f"{seconds / 60:g} min"


def model_sheet(rules: ModelRules) -> dict[str, str]:
    """What one model takes, by the names of the manifest where it has one."""
    return {
        "makes": makes(rules),
        "duration": f"{spelled(rules.durations_s)} s" if rules.durations_s else "fixed",
        "default duration": f"{rules.default_duration_s} s",
        "aspect_ratio": ", ".join(rules.aspect_ratios),
        "resolution": ", ".join(rules.resolutions) or "fixed",
        "default resolution": rules.default_resolution,
        "image": _yes(rules.image),
        "pictures from this disk": _yes(rules.inline_images),
        "reference_images": _references(rules),
        "last_frame": _yes(rules.last_frame),
        "keyframes": f"at most {rules.keyframes}" if rules.keyframes else "no",
        "generate_audio": _yes(rules.generate_audio),
        "edit": f"a video of at most {rules.edit_source_max_s:g} s" if rules.edit_source_max_s else "no",
        "extend": _extension(rules),
        "price of a second": _price(rules),
        "price of a picture": NO_PRICE if rules.price is None else usd_text(rules.price.picture),
        "price of a source's second": _source_price(rules),
        "allow": ", ".join(rules.allowances) or "none",
    }


def makes(rules: ModelRules) -> str:
    return ", ".join(word for operation, word in _MAKES.items() if operation in rules.operations)


def pictures(rules: ModelRules) -> str:
    """What it starts from beside the prompt, in a few words."""
    found = ["image"] if rules.image else []
    if rules.references > rules.image_is_reference:
        found.append(f"{rules.references} references")
    found += ["last frame"] if rules.last_frame else []
    found += [f"{rules.keyframes} keyframes"] if rules.keyframes else []
    return ", ".join(found) + ("" if rules.inline_images else " (links only)") if found else "none"


def _price(rules: ModelRules) -> str:
    if rules.price is None:
        return NO_PRICE
    seconds = rules.price.second.items()
    return ", ".join(f"{usd_text(ticks)} at {resolution}" for resolution, ticks in seconds)


def _references(rules: ModelRules) -> str:
    if not rules.references:
        return "no"
    parts = [f"at most {rules.references}"]
    if rules.image_is_reference:
        parts.append("image counts as one")
    if not rules.references_beside_image:
        parts.append("not beside image")
    if rules.references_max_s is not None:
        parts.append(f"clips of at most {rules.references_max_s} s")
    if rules.references_resolutions is not None:
        parts.append(f"at {one_of(rules.references_resolutions)}")
    return ", ".join(parts)


def _extension(rules: ModelRules) -> str:
    if not rules.added_s:
        return "no"
    least_s, most_s = rules.extend_source_s
    added = f"adds {spelled(rules.added_s)} s, else {rules.default_added_s} s"
    return f"{added}, to a video of {least_s:g} to {most_s:g} s"


def _source_price(rules: ModelRules) -> str:
    if not rules.operations - {Operation.GENERATE}:
        return "no source"
    return NO_PRICE if rules.price is None else usd_text(rules.price.source_second)


def _yes(takes: bool) -> str:
    return "yes" if takes else "no"
