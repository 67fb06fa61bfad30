"""A public gateway whose link leads to this machine, and what the real command makes of it."""

from __future__ import annotations

import json

from e2e.strange_gateway import Quiet, served
from support.builders_engine import tiny_mp4
from support.command import Desk, a_clip


class _Everything(Quiet):
    """The proxy that leads to the gateway, the gateway itself, and the host of its clips."""

    def do_POST(self) -> None:  # noqa: N802 - its name there
        self.rfile.read(int(self.headers["Content-Length"]))
        self._say({"request_id": "order-1"})

    def do_GET(self) -> None:  # noqa: N802 - its name there
        if self.path == "/v.mp4":
            self.give(200, "video/mp4", tiny_mp4())
        else:
            link = f"http://127.0.0.1:{self.server.server_address[1]}/v.mp4"
            self._say({"status": "done", "video": {"url": link, "duration": 6}})

    def _say(self, document: object) -> None:
        self.give(200, "application/json", json.dumps(document).encode())


def test_a_link_to_this_machine_is_refused_until_the_option_is_given(desk: Desk) -> None:
    """`run` says what to do, `status` repeats it, and the next run with the option brings the clip."""
    manifest = desk.manifest([a_clip("fox")])
    with served(_Everything) as proxy:
        here = desk.with_env(
            HTTP_PROXY=proxy, COMETAPI_BASE_URL="http://gateway.test", COMETAPI_KEY="sk-0123456789"
        )
        run = ("run", manifest, "--allow-insecure", "--json")

        [take] = here.run(*run).exits(1).json["takes"]
        assert take["state"] == "undelivered"
        assert "127.0.0.1, this machine itself" in take["reason"]
        assert "--allow-private-hosts" in here.run("status", desk.batch()).text

        [take] = here.run(*run, "--allow-private-hosts").exits(0).json["takes"]
        assert take["state"] == "done"
