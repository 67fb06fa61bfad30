"""Bodies as gateways wrote them, each with where it was published and the day it was read.

Errors name the status they came with. Nothing here is made up, but "..." stands where the source was cut;
invented bodies stand in the tests that need them.
"""

from __future__ import annotations

import json
from typing import Any

from pipeline.providers.base import Answer


def an_answer(status: int, body: Any = b"", content_type: str = "application/json") -> Answer:
    """An answer with `body` as it is if it is bytes, else as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return Answer(status=status, headers={"content-type": content_type}, body=raw)


# https://apidoc.cometapi.com/api/video/xai/video-generation, read 22 November 2026.
SUBMITTED = {"request_id": "4b2cd27e-0b0d-3dec-c31c-7572daf74bb3"}

# https://apidoc.cometapi.com/api/video/xai/get-video-generation-results, read 22 November 2026.
WAITING = {"request_id": "f5f35814-953e-b094-5a2c-4a90014a58cb"}
DONE = {
    "model": "grok-imagine-video-1.5",
    "usage": {"cost_in_usd_ticks": 500000000},
    "video": {"url": "https://example.com/xai-video.mp4", "duration": 1, "respect_moderation": True},
    "status": "done",
    "progress": 100,
}

# https://apidoc.cometapi.com/pl/api/video/xai/get-video-generation-results, read 23 November 2026: the same
# page in the version of March 2026.
ENVELOPE_URL = "https://vidgen.x.ai/xai-vidgen-bucket/xai-video-72924fdc-e6d7-4885-b318-8a367aaa9a02.mp4"
ENVELOPE_DONE = {
    "code": "success",
    "message": "",
    "data": {
        "task_id": "4b2cd27e-0b0d-3dec-c31c-7572daf74bb3",
        "action": "VIDEO_GENERATION",
        "status": "SUCCESS",
        "fail_reason": ENVELOPE_URL,
        "submit_time": 1773297002,
        "start_time": 0,
        "finish_time": 1773297014,
        "progress": "100%",
        "data": {
            "model": "grok-imagine-video",
            "usage": {"cost_in_usd_ticks": 500000000},
            "video": {"url": ENVELOPE_URL, "duration": 1, "respect_moderation": True},
            "status": "done",
        },
    },
}

# https://github.com/vercel/ai/pull/13390, read 23 November 2026: on the poll, with the charge.
MODERATED_POLL = {
    "code": "Client specified an invalid argument",
    "error": "Generated video rejected by content moderation.",
    "usage": {"cost_in_usd_ticks": 2500000000},
}
# https://github.com/theopenco/llmgateway/pull/3704, read 23 November 2026.
MODERATED_CODE = {
    "code": "imagine:content-moderated",
    "error": "Generated video rejected by content moderation.",
}

# https://github.com/i-am-bee/beeai-framework/issues/447, read 23 November 2026: HTTP 400, with percent signs,
# under the same code as a moderation.
WRONG_KEY_XAI = {
    "code": "Client specified an invalid argument",
    "error": "Incorrect%20API%20key%20provided:%20ba***na.%20You%20can%20obtain%20an%20API%20key%20from%20"
    "https://console.x.ai.",
}

# https://github.com/continuedev/continue/issues/10373 (HTTP 429, the text alone) and
# https://github.com/warpdotdev/warp/issues/14867 (HTTP 403, the same text), read 23 November 2026.
CREDITS_XAI = {
    "error": "Your team 16f2151a-40f4-4a80-8ad0-cae00c27e8dd has either used all available credits "
    "or reached its monthly spending limit. To continue making API requests, please purchase more "
    "credits or raise your spending limit.",
}
# https://github.com/can1357/oh-my-pi/pull/4913, read 23 November 2026: HTTP 403.
SPENDING_LIMIT_XAI = {
    "code": "personal-team-blocked:spending-limit",
    "error": "You have run out of credits or need a Grok subscription.",
}
# https://github.com/popjane/free_chatgpt_api/issues/78, read 23 November 2026: HTTP 403 at a gateway of the
# same software family as CometAPI.
CREDITS_FAMILY = {
    "error": {
        "message": "user quota is not enough (request id: 202502281247138307582052662997)",
        "type": "v_api_error",
        "param": "",
        "code": "insufficient_user_quota",
    }
}

# https://cometapi.mintlify.app/errors/error-codes-handling, read 23 November 2026: HTTP 400, which the vendor
# saw live.
NO_MODEL_COMET = {
    "error": {
        "code": "",
        "message": "model name is required (request id: ...)",
        "type": "comet_api_error",
    }
}
# https://apidoc.cometapi.com/errors/error-codes-handling, read 23 November 2026: HTTP 500, malformed request.
# The text is from a public compatibility report of June 2026 (no stable URL).
INVALID_REQUEST_COMET = {
    "error": {
        "message": "field messages is required (request id: ...)",
        "type": "comet_api_error",
        "param": "",
        "code": "invalid_request",
    }
}
# A public log of 5 February 2026 (no stable URL), read 23 November 2026: HTTP 503, no channel for a model.
NO_CHANNEL_COMET = {
    "error": {
        "code": "model_not_found",
        "message": "no available channel for group default and model sora-2-all (distributor) "
        "(request id: ...)",
        "type": "comet_api_error",
    }
}

# --- xAI ------------------------------------------------------------------------------------------

# https://withone.ai/knowledge/x-ai/conn_mod_def%3A%3AGJ8XVvU2QLk%3A%3A6I-yuGdgTc2iyemgRppQNg, a copy of xAI's
# specification, read 23 November 2026: both under HTTP 200. The failed one's message was cut there.
XAI_DONE = {
    "status": "done",
    "video": {
        "url": "https://vidgen.x.ai/xai-vidgen-bucket/xai-video-f532feb6-49a9-4f9a-9a37-6e64ef725e8f.mp4",
        "duration": 6,
        "respect_moderation": True,
    },
    "model": "grok-imagine-video",
}
XAI_FAILED = {
    "status": "failed",
    "video": {"duration": 0, "respect_moderation": True},
    "model": "",
    "error": {"code": "internal_error", "message": "..."},
}
# https://github.com/phuryn/grok-build-vscode/issues/100, read 23 November 2026: HTTP 400 on the submit.
NO_RETENTION_XAI = {
    "code": "invalid-argument",
    "error": "Zero Data Retention teams must provide output.upload_url for video generation.",
}
# https://github.com/QuantumNous/new-api/pull/5927, read 23 November 2026: while nothing is ready,
# with a second id that a gateway added.
XAI_TWO_IDS = {"request_id": "b53c8bb4-...", "id": "task_xxx"}
# https://github.com/Wei-Shaw/sub2api/issues/4546, read 23 November 2026: on a poll, at a gateway before xAI.
UPSTREAM_400 = {"error": {"message": "xAI upstream returned status 400", "type": "invalid_request_error"}}

# --- GlobalAiOpc ----------------------------------------------------------------------------------

# https://docs.xingchaoyiqing.com/api-reference/video/grok-query, read 22 November 2026.
OPC_PROCESSING = {
    "id": "video_grok_1234567890",
    "object": "video",
    "created": 1774836724,
    "model": "grok_video3_max",
    "status": "processing",
    "video_url": None,
    "error": None,
}
OPC_COMPLETED = {
    "id": "video_grok_1234567890",
    "object": "video",
    "created": 1774836724,
    "model": "grok_video3_max",
    "status": "completed",
    "video_url": "https://cdn.example.com/video_grok_1234567890.mp4",
    "actualDuration": 10,
    "error": None,
}
OPC_FAILED = {
    "id": "video_grok_1234567890",
    "object": "video",
    "created": 1774836724,
    "model": "grok_video3_max",
    "status": "failed",
    "video_url": None,
    "error": "Reference image could not be accessed.",
}
# Two public clients of the same service, another video family (no stable URL), read 23 November 2026: the
# documented fields in `data`, and an error under HTTP 200.
OPC_WRAPPED = {
    "data": {
        "id": "upstream-task",
        "status": "completed",
        "progress": 100,
        "result_url": "https://upstream.example/result.mp4",
        "actualDuration": 8,
        "resolution": "2k",
        "amount": 0.32,
    }
}
OPC_NO_HANDLER = {
    "code": 500,
    "data": None,
    "msg": "No handler found for POST /kyyReactApiServer/kyyReactApiServer/v2/model-center/tasks",
}

HTML = (
    b"<!DOCTYPE html>\n<html><head><title>Just a moment...</title></head><body></body></html>"  # any web page
)


def an_error(message: str, code: str = "", **more: str) -> dict[str, Any]:
    """An error in CometAPI's form (https://apidoc.cometapi.com/errors/error-codes-handling)."""
    return {"error": {"message": message, "type": "comet_api_error", "param": "", "code": code, **more}}
