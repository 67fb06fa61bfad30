"""What faults have said for them: by a gateway, in its dialect and about one job, or by the file host.

A fault names a topic or a state and never sees the shape of a body. See `faults.base.Voice`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pipeline.sim.dialects.base import Dialect
from pipeline.sim.dialects.rewriting import with_id, with_status
from pipeline.sim.scenario import PollForm
from pipeline.sim.wire import Reply, Request, Topic
from pipeline.sim.world import Job, View


def file_refusal(status: int, message: str) -> Reply:
    """A refusal by the file host, which is not the gateway and answers in plain text."""
    return Reply(status=status, body=f"{message}\n".encode(), content_type="text/plain; charset=utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayVoice:
    """A dialect, and what it talks about: `job` and `link` are of polls; `view` is how the job stands."""

    dialect: Dialect
    request: Request
    form: PollForm
    job: Job | None = None
    view: View | None = None
    link: str = ""

    def refused(self, topic: Topic, status: int | None = None, text: str = "") -> Reply:
        if text:
            return self.dialect.refused(status or 500, text)
        if topic == "key":
            reply = self.dialect.bad_key(self.request).reply
        elif topic == "unknown-id":
            reply = self.dialect.unknown_job(self.job.id if self.job else "")
        else:
            return self.dialect.trouble(topic, status or 400)
        return reply if status is None else replace(reply, status=status)

    def told(self, view: View, link: str | None = None) -> Reply:
        assert self.job is not None, "only polls tell how a job stands"
        done = view.phase == "ended" and view.outcome == "done"
        own = self.link if done else ""
        return self.dialect.polled(self.job, view, own if link is None else link, self.form)

    def with_status(self, reply: Reply, word: str | None) -> Reply:
        return with_status(reply, word)

    def with_id(self, reply: Reply, job_id: str | None) -> Reply:
        return with_id(reply, self.dialect.id_field, job_id)

    def key(self) -> str:
        return self.dialect.key_of(self.request.headers) or ""


@dataclass(frozen=True, slots=True)
class FileHostVoice:
    """The file host. It knows no jobs and no keys."""

    view: View | None = None

    def refused(self, topic: Topic, status: int | None = None, text: str = "") -> Reply:
        texts: dict[Topic, str] = {"rate": "Too many requests", "dead-link": "Link has expired"}
        return file_refusal(status or 400, text or texts.get(topic, "Service unavailable"))

    def told(self, view: View, link: str | None = None) -> Reply:
        raise NotImplementedError("a file host is not asked how a job stands")

    def with_status(self, reply: Reply, word: str | None) -> Reply:  # noqa: ARG002 - there is none in a file
        return reply

    def with_id(self, reply: Reply, job_id: str | None) -> Reply:  # noqa: ARG002
        return reply

    def key(self) -> str:
        return ""
