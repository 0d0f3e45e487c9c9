"""Holds what goes over the wire against the vendors' own OpenAPI documents, which lie beside the project.

    contract = vendor("jira/jira-cloud-v3.json")        # skips the test where the documents are missing
    contract.check(asked, answer)                       # raises AssertionError that names the operation and the fault

`asked` and `answer` are the sandbox's (`Server.remember = True` collects them in `Server.seen`).
"""

import json
import re
import warnings
from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from sandbox.http import Answer, Asked

CONTRACTS = Path(__file__).resolve().parents[2] / ".." / "shared" / "contracts"
SAMPLES = CONTRACTS.parent / "samples"


class Contract:
    """One vendor's document. Only its paths and schemas count: hosts and credentials are ours to choose in a test."""

    def __init__(self, document: dict[str, Any]) -> None:
        from openapi_core import Config, OpenAPI

        self.base = urlsplit(document.get("servers", [{"url": ""}])[0]["url"].replace("{", "").replace("}", "")).path
        document = {**document, "servers": [{"url": f"https://vendor.test{self.base}"}]}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._openapi = OpenAPI.from_dict(document, config=Config(spec_validator_cls=None))
        self._right: set[bytes] = set()

    def check(self, asked: Asked, answer: Answer | None = None) -> None:
        """The request, and the answer where one is given, are as the vendor documents them.

        What was found right once is right: most of what goes over the wire in one test did so in another.
        """
        from openapi_core.exceptions import OpenAPIError

        exchange = _digest(asked, answer)
        if exchange in self._right:
            return
        question = _Question(asked)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                self._openapi.validate_request(question)
                if answer is not None:
                    self._openapi.validate_response(question, _Reply(answer))
            except OpenAPIError as error:
                raise AssertionError(f"{asked.method} {asked.path} {dict(asked.query)}: {_told(error)}") from error
        self._right.add(exchange)

    def check_all(self, seen: Iterable[tuple[Asked, Answer]]) -> int:
        """Check each exchange; answers of 500 and above are nobody's contract. How many were checked."""
        count = 0
        for asked, answer in seen:
            self.check(asked, answer if answer.status < 500 else None)
            count += 1
        return count


_HERE = re.compile(r"127\.0\.0\.1:\d+")


def _digest(asked: Asked, answer: Answer | None) -> bytes:
    """Equal for exchanges that are equal but for the port at which the emulator happens to listen."""
    told = (asked.method, asked.path, [*asked.query.items()], sorted(asked.headers.items()), asked.body)
    back = None if answer is None else (answer.status, answer.body, sorted(answer.headers.items()))
    return sha256(_HERE.sub("here", repr((told, back))).encode("utf-8", "surrogatepass")).digest()


class _Question:
    def __init__(self, asked: Asked) -> None:
        from openapi_core.datatypes import RequestParameters
        from werkzeug.datastructures import Headers, ImmutableMultiDict

        self.host_url = "https://vendor.test"
        self.path = asked.path
        self.method = asked.method.lower()
        self.content_type = asked.headers.get("content-type", "application/json").lower()
        self.body = asked.body or None
        self.parameters = RequestParameters(
            query=ImmutableMultiDict(list(asked.query.items())), header=Headers(dict(asked.headers))
        )


class _Reply:
    def __init__(self, answer: Answer) -> None:
        from werkzeug.datastructures import Headers

        self.status_code = answer.status
        self.headers = Headers(dict(answer.headers))
        text = isinstance(answer.body, (str, bytes))
        self.content_type = dict(answer.headers).get("content-type", "text/plain" if text else "application/json")
        raw = answer.body if text else json.dumps(answer.body)
        # No body at all reads as null: the documents give even a 204 a content, whose schema null then satisfies.
        self.data = raw.encode() if isinstance(raw, str) else raw


def _told(error: BaseException) -> str:
    """The reasons behind openapi-core's layers of exceptions, the innermost last."""
    told: list[str] = []
    while error is not None:
        faults = tuple(getattr(error, "schema_errors", ()))
        for inner in faults:
            told.append(f"{inner.json_path}: {inner.message[:300]}")
            told += [f"  {c.json_path}: {c.message[:200]}" for c in (inner.context or ())[:12]]
        told += [] if faults else [str(error)[:300]]
        error = error.__cause__  # type: ignore[assignment]
    return "\n    ".join(told)


@cache
def _contract(name: str) -> Contract:
    document = json.loads((CONTRACTS / name).read_text(encoding="utf-8"))
    if name.startswith("jira/"):
        _as_jira_writes_moments(document)
        _as_jira_tells_changes(document)
    if name.startswith("servicenow/"):
        document.pop("security", None)  # it knows OAuth only; ServiceNow takes Basic as well
    return Contract(document)


def vendor(name: str) -> Contract:
    """The contract in this file of `../shared/contracts`; the test is skipped where it is missing."""
    if not (CONTRACTS / name).exists():
        pytest.skip(f"shared contracts not found: {name}")
    return _contract(name)


def _as_jira_tells_changes(document: dict[str, Any]) -> None:
    """What a field was or became may be nothing: documented as text, null in every recorded body (`samples/jira`).

    The older document lost `fromString` and `toString`, as generators do with a property of that name.
    """
    change = document["components"]["schemas"]["ChangeDetails"]["properties"]
    for name in ("from", "fromString", "to", "toString"):
        change[name] = {"type": "string", "nullable": True}


def _as_jira_writes_moments(node: Any) -> None:
    """Jira documents `date-time` and writes `2019-07-17T17:59:42.002-0700`, whose offset RFC 3339 does not know."""
    if isinstance(node, dict):
        if node.get("format") == "date-time":
            del node["format"]
            node["pattern"] = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}([+-]\d{4}|Z)$"
        for inner in node.values():
            _as_jira_writes_moments(inner)
    elif isinstance(node, list):
        for inner in node:
            _as_jira_writes_moments(inner)
