"""The workbench's door: a page on loopback that answers nobody but itself, and what its script asks for.

    GET  /workbench/                        the whole page
    GET  /workbench/static/…                its script and style
    GET  /workbench/fragment?key=K[&at=T]   the plan and why, as HTML
    GET  /workbench/files                   the rule files, as JSON
    POST /workbench/check                   {name, text, texts?}: problems; `texts`: of other files being changed
    POST /workbench/difference              {name, text, key, at?, others?}: problems, and what would change, as HTML;
                                            with `others` false for the opened ticket alone, which is quicker
    POST /workbench/ticket                  {text}: a ticket of these words, or of the tracker's JSON; its key
    POST /workbench/apply                   {name, text}: writes the file, where that was allowed at the start

Rule files tell who is on call, so a page from elsewhere in the same browser must not read them: the name we are asked
by and the page that asks are checked, as the demonstration's page does. What cannot be understood is answered with a
sentence.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from importlib.resources import files as resources
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

import structlog
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from connectors.base import BadRequest
from connectors.errors import ConnectorError
from sync.ledger import Unreadable
from sync.server import body_of
from sync.workbench.desk import Desk, NotUnderstood
from sync.workbench.files import NotWritten

log = structlog.get_logger()

SCRIPTS: Final = ("workbench.js", "patching.js", "toml.js")
STATIC: Final = {"workbench.css": "text/css", **dict.fromkeys(SCRIPTS, "text/javascript")}
NAMES: Final = ("127.0.0.1", "localhost", "[::1]")
POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}

Answering: TypeAlias = Callable[[Request], Awaitable[Response]]
Said: TypeAlias = Mapping[str, Any]


class Refused(Exception):
    """A request that is not answered as asked: a status and a sentence."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status


def app(desk: Desk, *, may_apply: bool = False) -> Starlette:
    """Everything that is served."""
    routes = _Routes(desk, may_apply)
    return Starlette(
        routes=[
            Route("/", _guarded(routes.home), methods=["GET"]),
            Route("/workbench/", _guarded(routes.page), methods=["GET"]),
            Route("/workbench/static/{name}", _guarded(routes.static), methods=["GET"]),
            Route("/workbench/fragment", _guarded(routes.fragment), methods=["GET"]),
            Route("/workbench/files", _guarded(routes.files), methods=["GET"]),
            Route("/workbench/check", _guarded(routes.check), methods=["POST"]),
            Route("/workbench/difference", _guarded(routes.difference), methods=["POST"]),
            Route("/workbench/ticket", _guarded(routes.ticket), methods=["POST"]),
            Route("/workbench/apply", _guarded(routes.apply), methods=["POST"]),
            Route("/{path:path}", _guarded(routes.nothing), methods=["GET", "POST", "PUT", "DELETE", "PATCH"]),
        ]
    )


class _Routes:
    """One answer for each path. What thinks or reads is done in a thread, so that the next key stroke is heard."""

    def __init__(self, desk: Desk, may_apply: bool) -> None:
        self._desk, self._may_apply = desk, may_apply

    async def home(self, _web: Request) -> Response:
        return Response(status_code=307, headers={"location": "/workbench/"})

    async def nothing(self, _web: Request) -> Response:
        raise Refused(404, "There is no such page.")

    async def page(self, web: Request) -> Response:
        key = web.query_params.get("key", "")[:200]
        return HTMLResponse(self._desk.page(key, may_apply=self._may_apply))

    async def static(self, web: Request) -> Response:
        name = web.path_params["name"]
        if name not in STATIC:
            raise Refused(404, "There is no such file.")
        text = resources("sync.workbench").joinpath("static", name).read_text("utf-8")
        return Response(text, media_type=STATIC[name])

    async def fragment(self, web: Request) -> Response:
        key, at = web.query_params.get("key", ""), web.query_params.get("at", "")
        return HTMLResponse(await run_in_threadpool(self._desk.fragment, key[:200], at[:60]))

    async def files(self, _web: Request) -> Response:
        return JSONResponse(await run_in_threadpool(self._desk.files, applies=self._may_apply))

    async def check(self, web: Request) -> Response:
        drafts = _drafts(await _said(web))
        return JSONResponse({"problems": await run_in_threadpool(self._desk.check, drafts)})

    async def difference(self, web: Request) -> Response:
        said = await _said(web)
        key, at = _texts({"at": "", **said}, "key", "at")
        others = said.get("others", True) is not False
        told = run_in_threadpool(self._desk.difference, _drafts(said), key[:200], at[:60], others=others)
        return JSONResponse(await told)

    async def ticket(self, web: Request) -> Response:
        (text,) = _texts(await _said(web), "text")
        return JSONResponse(await run_in_threadpool(self._desk.made_up, text))

    async def apply(self, web: Request) -> Response:
        said = await _said(web)
        name, text = _texts(said, "name", "text")
        known = said.get("sum") or ""
        if not self._may_apply:
            raise Refused(403, "This page is read only: copy the text, or download it, and put it in place yourself.")
        try:
            await run_in_threadpool(self._desk.apply, name, text, str(known))
        except NotWritten as error:
            raise Refused(409, _ended(error)) from error
        return JSONResponse({"said": f"{name} is written."})


def _guarded(answer: Answering) -> Answering:
    """Answer our own page only, with our headers, and tell what went wrong in a sentence."""

    async def guarded(web: Request) -> Response:
        try:
            asked_by_us = ours(web.headers, web.scope["server"][1])
            told = await answer(web) if asked_by_us else _sentence(403, "This page answers nobody but itself.")
        except Refused as refused:
            told = _sentence(refused.status, str(refused))
        except (ConnectorError, Unreadable) as error:
            told = _sentence(502, _ended(error))
        except NotUnderstood as error:
            told = _sentence(error.status, _ended(error))
        except (ClientDisconnect, TimeoutError):
            told = _sentence(400, "The request did not come whole.")
        except Exception:
            log.exception("workbench request failed", path=web.scope["path"])
            told = _sentence(400, "This was not understood; the terminal says more.")
        told.headers.update(HEADERS)
        return told

    return guarded


def ours(headers: Mapping[str, str], port: int) -> bool:
    """Whether a request was sent to our own name, and by a page of ours if by any page."""
    names = {f"{name}:{port}" for name in NAMES}
    origin, site = headers.get("origin", ""), headers.get("sec-fetch-site", "none")
    if headers.get("host", "") not in names or site not in {"none", "same-origin"}:
        return False
    return not origin or (urlsplit(origin).scheme == "http" and origin.removeprefix("http://") in names)


def _ended(error: Exception) -> str:
    said = str(error)
    return said if said.endswith((".", "?")) else f"{said}."


def _sentence(status: int, said: str) -> Response:
    return PlainTextResponse(said + "\n", status)


def _texts(said: Said, *names: str) -> tuple[str, ...]:
    for name in names:
        if not isinstance(said.get(name), str):
            raise Refused(400, f"{name} is missing, or is no text.")
    return tuple(said[name] for name in names)


def _drafts(said: Said) -> dict[str, str]:
    """The text that is asked about, over those of other files that are being changed beside it."""
    name, text = _texts(said, "name", "text")
    beside = said.get("texts") or {}
    if not isinstance(beside, dict) or not all(isinstance(each, str) for each in beside.values()):
        raise Refused(400, "texts are texts by the names of files.")
    return {**beside, name: text}


async def _said(web: Request) -> Said:
    """What a request says: a JSON object. Anything else, a form among it, is refused."""
    if web.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refused(415, "Send JSON.")
    try:
        body = await body_of(web)
        said = json.loads(body)
        json.dumps(said, ensure_ascii=False).encode()  # half of a surrogate pair is no text
    except BadRequest as error:
        raise Refused(error.status, f"Not read: {error}.") from None
    except (ValueError, RecursionError):
        raise Refused(400, "This is no JSON.") from None
    if not isinstance(said, dict):
        raise Refused(400, "Send a JSON object.")
    return said
