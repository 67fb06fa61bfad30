"""Broken manifests that a schema can refuse: the text, the rule that refuses it, and where."""

from __future__ import annotations

HEAD = "version: 1\nprovider: sim\n"
JOBS = f"{HEAD}jobs:\n  - "
JOB = "jobs: [{prompt: x}]\n"
LONG = "x" * 101

BROKEN: dict[str, tuple[str, str, str]] = {
    # the head
    "no version": (f"provider: sim\n{JOB}", "required", ""),
    "version 2": (f"version: 2\nprovider: sim\n{JOB}", "const", "version"),
    "no jobs": (HEAD, "anyOf", ""),
    "no job": (f"{HEAD}jobs: []\n", "minItems", "jobs"),
    "jobs by name": (f"{HEAD}jobs: {{a: {{prompt: x}}}}\n", "type", "jobs"),
    "unknown head field": (f"{HEAD}budjet: 5\n{JOB}", "additionalProperties", ""),
    "unknown provider": (f"version: 1\nprovider: cometappi\n{JOB}", "enum", "provider"),
    "batch with a slash": (f"{HEAD}batch: a/b\n{JOB}", "pattern", "batch"),
    "batch too long": (f"{HEAD}batch: {LONG}\n{JOB}", "maxLength", "batch"),
    "id in defaults": (f"{HEAD}defaults: {{id: a}}\n{JOB}", "additionalProperties", "defaults"),
    "defaults as text": (f"{HEAD}defaults: none\n{JOB}", "anyOf", "defaults"),
    "unknown limit": (f"{HEAD}limits: {{speed: 5}}\n{JOB}", "additionalProperties", "limits"),
    "limit too large": (f"{HEAD}limits: {{max_in_flight: 10001}}\n{JOB}", "maximum", "limits/max_in_flight"),
    "limit zero": (f"{HEAD}limits: {{submit_per_s: 0}}\n{JOB}", "exclusiveMinimum", "limits/submit_per_s"),
    "deadline in words": (
        f"{HEAD}limits: {{job_deadline: 30 minutes}}\n{JOB}",
        "pattern",
        "limits/job_deadline",
    ),
    # a job
    "a job as text": (f"{JOBS}A fox.\n", "type", "jobs/0"),
    "no prompt": (f"{JOBS}{{id: fox}}\n", "required", "jobs/0"),
    "misspelt field": (f"{JOBS}{{prompt: x, promt: x}}\n", "additionalProperties", "jobs/0"),
    "null prompt": (f"{JOBS}{{prompt: }}\n", "type", "jobs/0/prompt"),
    "blank prompt": (f"{JOBS}{{prompt: '  '}}\n", "pattern", "jobs/0/prompt"),
    "prompt as a list": (f"{JOBS}{{prompt: [x]}}\n", "type", "jobs/0/prompt"),
    "bell in the prompt": (f'{JOBS}{{prompt: "x\\a"}}\n', "pattern", "jobs/0/prompt"),
    "key with a space": (f"{JOBS}{{id: a b, prompt: x}}\n", "pattern", "jobs/0/id"),
    "key that climbs": (f"{JOBS}{{id: a/../b, prompt: x}}\n", "pattern", "jobs/0/id"),
    "key like a clip": (f"{JOBS}{{id: a.MP4/b, prompt: x}}\n", "pattern", "jobs/0/id"),
    "key too long": (f"{JOBS}{{id: {LONG}, prompt: x}}\n", "maxLength", "jobs/0/id"),
    "negative key": (f"{JOBS}{{id: -7, prompt: x}}\n", "minimum", "jobs/0/id"),
    "duration as text": (f"{JOBS}{{prompt: x, duration: '6'}}\n", "type", "jobs/0/duration"),
    "duration with a unit": (f"{JOBS}{{prompt: x, duration: 6s}}\n", "type", "jobs/0/duration"),
    "half a second": (f"{JOBS}{{prompt: x, duration: 1.5}}\n", "type", "jobs/0/duration"),
    "no duration": (f"{JOBS}{{prompt: x, duration: 0}}\n", "minimum", "jobs/0/duration"),
    "an hour and more": (f"{JOBS}{{prompt: x, duration: 3601}}\n", "maximum", "jobs/0/duration"),
    "sound in words": (f"{JOBS}{{prompt: x, generate_audio: yes}}\n", "type", "jobs/0/generate_audio"),
    "tiny resize": (f"{JOBS}{{prompt: x, resize: 10}}\n", "minimum", "jobs/0/resize"),
    "model with a line break": (f'{JOBS}{{prompt: x, model: "a\\nb"}}\n', "anyOf", "jobs/0/model"),
    "tags as text": (f"{JOBS}{{prompt: x, tags: hero}}\n", "type", "jobs/0/tags"),
    "a tag too long": (f"{JOBS}{{prompt: x, tags: [{LONG}]}}\n", "maxLength", "jobs/0/tags/0"),
    "a null tag": (f"{JOBS}{{prompt: x, tags: [~]}}\n", "type", "jobs/0/tags/0"),
    "allow as text": (f"{JOBS}{{prompt: x, allow: wide-ratios}}\n", "type", "jobs/0/allow"),
    # pictures and videos
    "http to others": (f"{JOBS}{{prompt: x, image: 'http://a.b/c.png'}}\n", "pattern", "jobs/0/image"),
    "file URL": (f"{JOBS}{{prompt: x, image: 'file:///a.png'}}\n", "pattern", "jobs/0/image"),
    "bucket": (f"{JOBS}{{prompt: x, image: 's3://a/b.png'}}\n", "pattern", "jobs/0/image"),
    "data of text": (f"{JOBS}{{prompt: x, image: 'data:text/plain,x'}}\n", "pattern", "jobs/0/image"),
    "login": (f"{JOBS}{{prompt: x, image: 'https://me:pw@a.b/c.png'}}\n", "pattern", "jobs/0/image"),
    "fragment": (f"{JOBS}{{prompt: x, image: 'https://a.b/c.png#x'}}\n", "pattern", "jobs/0/image"),
    "no host": (f"{JOBS}{{prompt: x, last_frame: 'https:///a.png'}}\n", "pattern", "jobs/0/last_frame"),
    "no references": (f"{JOBS}{{prompt: x, reference_images: []}}\n", "minItems", "jobs/0/reference_images"),
    "keyframe without time": (
        f"{JOBS}{{prompt: x, keyframes: [{{image: a.png}}]}}\n",
        "required",
        "jobs/0/keyframes/0",
    ),
    "keyframe with more": (
        f"{JOBS}{{prompt: x, keyframes: [{{image: a.png, timestamp_s: 1, id: a}}]}}\n",
        "additionalProperties",
        "jobs/0/keyframes/0",
    ),
    "early keyframe": (
        f"{JOBS}{{prompt: x, keyframes: [{{image: a.png, timestamp_s: -1}}]}}\n",
        "minimum",
        "jobs/0/keyframes/0/timestamp_s",
    ),
    "id of no image": (f"{JOBS}{{prompt: x, image_id: a}}\n", "dependentRequired", "jobs/0"),
    "id of a file": (f"{JOBS}{{prompt: x, image: a.png, image_id: a}}\n", "pattern", "jobs/0/image"),
    "edit of no key": (f"{JOBS}{{prompt: x, edit: a b}}\n", "pattern", "jobs/0/edit"),
    "edit by ftp": (f"{JOBS}{{prompt: x, edit: 'ftp://a/b.mp4'}}\n", "pattern", "jobs/0/edit"),
    "edit with a picture": (f"{JOBS}{{prompt: x, edit: y, image: a.png}}\n", "None", "jobs/0"),
    "extension with keyframes": (
        f"{JOBS}{{prompt: x, extend: y, keyframes: [{{image: a.png, timestamp_s: 1}}]}}\n",
        "None",
        "jobs/0",
    ),
}
