"""A learner's browser as far as the hub sees it: log in, start a server, run cells in a kernel."""

import asyncio
import time
import uuid
from dataclasses import dataclass, field

import aiohttp


class Refused(Exception):
    """The hub or a learner's server said no; the HTTP status is the argument."""


@dataclass
class Learner:
    """A learner of the hub at `url`, to be used in `async with`. Times are in seconds."""

    url: str
    name: str
    password: str
    token: str = field(default="", repr=False)

    async def __aenter__(self) -> "Learner":
        self.browser = aiohttp.ClientSession(
            cookie_jar=aiohttp.CookieJar(unsafe=True),  # also of an address without a name
            timeout=aiohttp.ClientTimeout(total=None, sock_read=600),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.browser.close()

    async def log_in(self) -> None:
        """Fill in the form, and get a token with the learner's rights; Refused when they are not let in."""
        await self._page("/hub/login")
        form = {"username": self.name, "password": self.password, "_xsrf": self._cookie("_xsrf")}
        async with self.browser.post(f"{self.url}/hub/login", data=form, allow_redirects=False) as answer:
            if answer.status != 302:
                raise Refused(answer.status)
        self.token = (await self.api("POST", f"users/{self.name}/tokens", json={}))["token"]

    async def start_server(self) -> float:
        """Start the learner's server; how long it took."""
        begin = time.perf_counter()
        await self.api("POST", f"users/{self.name}/server")
        while not (user := await self.api("GET", f"users/{self.name}"))["server"]:
            if not user["servers"]:
                raise RuntimeError(f"The server of {self.name} did not start; the hub's log says why.")
            await asyncio.sleep(0.5)
        return time.perf_counter() - begin

    async def stop_server(self) -> None:
        """Stop the learner's server, and wait until it has gone."""
        await self.api("DELETE", f"users/{self.name}/server")
        while (await self.api("GET", f"users/{self.name}"))["servers"]:
            await asyncio.sleep(0.5)

    async def api(self, method: str, path: str, **options: object) -> dict:
        """Ask the hub's API, as the page does that has just been logged in or with the token."""
        return await self._ask(method, f"{self.url}/hub/api/{path}", **options)

    async def server(self, method: str, path: str, owner: str = "", **options: object) -> dict:
        """Ask the API of the learner's server, or of another owner's."""
        return await self._ask(method, f"{self.url}/user/{owner or self.name}/api/{path}", **options)

    async def page(self, path: str) -> int:
        """Open a page with the cookies alone, as a browser does; its HTTP status in the end."""
        return await self._page(path)

    async def start_kernel(self) -> str:
        """Start a kernel in the folder of the chapters; its id."""
        asked = {"name": "python3", "path": "notebooks/unnamed.ipynb"}
        return (await self.server("POST", "kernels", json=asked))["id"]

    async def run(self, kernel: str, cells: list[str]) -> tuple[str, list[str]]:
        """Run cells one after the other; all that they printed, and the errors."""
        address = f"{self.url}/user/{self.name}/api/kernels/{kernel}/channels"
        printed, errors = [], []
        async with self.browser.ws_connect(
            address, headers=self._rights(), max_msg_size=0, heartbeat=None
        ) as socket:
            for cell in cells:
                request = str(uuid.uuid4())
                content = {"code": cell, "silent": False, "store_history": True, "allow_stdin": False}
                header = {"msg_id": request, "msg_type": "execute_request", "version": "5.3"}
                header |= {"username": self.name, "session": self.name, "date": ""}
                await socket.send_json(
                    {
                        "header": header,
                        "parent_header": {},
                        "metadata": {},
                        "content": content,
                        "channel": "shell",
                    }
                )
                replied = idle = False
                while not (replied and idle):
                    message = await asyncio.wait_for(socket.receive_json(), 600)
                    kind, content = message["header"]["msg_type"], message["content"]
                    if kind == "status" and content["execution_state"] in ("restarting", "dead"):
                        return "".join(printed), [*errors, "the kernel died"]
                    if message["parent_header"].get("msg_id") != request:
                        continue
                    if kind == "stream":
                        printed.append(content["text"])
                    elif kind == "execute_reply":
                        replied = True
                        if content["status"] == "error":
                            errors.append(f"{content['ename']}: {content['evalue']}")
                    elif kind == "status" and content["execution_state"] == "idle":
                        idle = True
        return "".join(printed), errors

    async def _ask(self, method: str, address: str, **options: object) -> dict:
        async with self.browser.request(method, address, headers=self._rights(), **options) as answer:
            if answer.status >= 400:
                raise Refused(answer.status)
            return await answer.json() if answer.content_type == "application/json" else {}

    async def _page(self, path: str) -> int:
        async with self.browser.get(f"{self.url}{path}") as answer:
            return answer.status

    def _rights(self) -> dict[str, str]:
        if self.token:
            return {"Authorization": f"token {self.token}"}
        return {"X-XSRFToken": self._cookie("_xsrf"), "Referer": f"{self.url}/hub/"}

    def _cookie(self, name: str) -> str:
        return next(cookie.value for cookie in self.browser.cookie_jar if cookie.key == name)
