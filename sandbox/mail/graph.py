"""Microsoft Graph's face of the mailboxes, and the token endpoint before it: a pure handler.

    POST  /<tenant>/oauth2/v2.0/token                              a token for the app's secret
    POST  /v1.0/users/<address>/sendMail                           MIME in base64, or JSON; 202 is not delivery
    GET   /v1.0/users/<address>/mailFolders/<folder>[/messages]    `$filter=isRead eq false`, `$top`, `$skiptoken`
    GET   /v1.0/users/<address>/messages/<id>/$value               the mail as MIME
    PATCH /v1.0/users/<address>/messages/<id>                      isRead

As Exchange does, it takes `Auto-Submitted` and other unusual headers out of what is sent as MIME
(https://github.com/microsoftgraph/msgraph-sdk-dotnet/issues/2209), and gives no more than a page at a time.
"""

from __future__ import annotations

import base64
import binascii
import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default
from email.utils import getaddresses
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from sandbox.http import Answer, Asked
from sandbox.mail.state import MailState
from sandbox.mail.world import Mail, Mailbox

Json: TypeAlias = dict[str, Any]

TENANT = "11111111-2222-3333-4444-555555555555"
PAGE = 10
DROPPED = ("Auto-Submitted", "List-Id", "Precedence")
"""Headers that Exchange takes out."""
_FOLDERS = {"inbox": "INBOX", "sentitems": "Sent"}
_ROUTE = re.compile(r"/v1\.0/users/([^/]+)/(sendMail|mailFolders|messages)(?:/([^/]+))?(?:/(messages|\$value))?")


class GraphFace:
    """The handler. `client_id` and `secret` are the app's; `lived` is how long a token holds, in seconds."""

    def __init__(self, state: MailState) -> None:
        self.state = state
        self.client_id = "00000000-aaaa-bbbb-cccc-000000000001"
        self.secret = "sandbox-graph-secret"  # noqa: S105  (the sandbox's own)
        self.token = "sandbox-graph-token"  # noqa: S105
        self.lived = 3600
        self.tokens = 0

    def handle(self, asked: Asked) -> Answer:
        """Answer a request."""
        if asked.path.endswith("/oauth2/v2.0/token"):
            return self._token(dict(parse_qsl(asked.body.decode("utf-8", "replace"))))
        if asked.path.endswith("/.well-known/openid-configuration"):
            return self._about(asked)
        if asked.headers.get("authorization") != f"Bearer {self.token}":
            return _error(401, "InvalidAuthenticationToken", "Access token is empty or not valid.")
        route = _ROUTE.fullmatch(asked.path)
        if route is None:
            return _error(400, "BadRequest", "Resource not found for the segment.")
        box = self.state.mailboxes.get(route[1].lower())
        if box is None:
            return _error(404, "ErrorInvalidUser", f"The requested user '{route[1]}' is invalid.")
        with self.state.lock:
            return self._routed(asked, box, route)

    def _routed(self, asked: Asked, box: Mailbox, route: re.Match[str]) -> Answer:
        kind, name, tail = route[2], route[3] or "", route[4] or ""
        if kind == "sendMail" and asked.method == "POST":
            return self._send(asked, box)
        if kind == "mailFolders" and asked.method == "GET" and name:
            folder = _FOLDERS.get(name.lower(), name)
            if folder not in {"INBOX", "Sent", *(mail.folder for mail in box.mails)}:
                return _error(404, "ErrorItemNotFound", "The specified folder could not be found in the store.")
            return self._listed(asked, box.folder(folder)) if tail else Answer(200, {"id": name, "displayName": folder})
        mail = next((mail for mail in box.mails if str(mail.uid) == name), None)
        if kind != "messages" or mail is None:
            return _error(404, "ErrorItemNotFound", "The specified object was not found in the store.")
        if asked.method == "PATCH":
            mail.seen = bool((asked.json() or {}).get("isRead", mail.seen))
            return Answer(200, _told(mail))
        return Answer(200, mail.raw, {"content-type": "text/plain"}) if tail == "$value" else Answer(200, _told(mail))

    def _token(self, given: dict[str, str]) -> Answer:
        self.tokens += 1
        if given.get("client_id") != self.client_id or given.get("client_secret") != self.secret:
            said = "AADSTS7000215: Invalid client secret provided."
            return Answer(401, {"error": "invalid_client", "error_description": said})
        return Answer(200, {"token_type": "Bearer", "expires_in": self.lived, "access_token": self.token})

    def _about(self, asked: Asked) -> Answer:
        base = f"https://{asked.headers.get('host', '')}{asked.path.partition('/v2.0/')[0]}"
        ends = {"authorization_endpoint": "authorize", "token_endpoint": "token"}
        told = {name: f"{base}/oauth2/v2.0/{end}" for name, end in ends.items()}
        return Answer(200, {**told, "issuer": f"{base}/v2.0"})

    def _send(self, asked: Asked, box: Mailbox) -> Answer:
        if "application/json" in asked.headers.get("content-type", ""):
            message = _from_json((asked.json() or {}).get("message") or {}, box)
        else:
            try:
                message = message_from_bytes(base64.b64decode(asked.body, validate=True), policy=default)
            except (binascii.Error, ValueError):
                return _error(400, "ErrorMimeContentInvalidBase64String", "Invalid base64 string for MIME content.")
            for name in DROPPED:
                del message[name]
        fields = [str(value) for name in ("To", "Cc", "Bcc") for value in message.get_all(name, [])]
        to = [address for _, address in getaddresses(fields) if "@" in address]
        if not to:
            return _error(400, "ErrorInvalidRecipients", "At least one recipient isn't valid.")
        self.state.deliver(box.address, to, message.as_bytes(policy=SMTP))
        return Answer(202)

    def _listed(self, asked: Asked, mails: list[Mail]) -> Answer:
        unread = "isread eq false" in asked.query.get("$filter", "").lower()
        first, top = int(asked.query.get("$skiptoken", "0")), min(PAGE, int(asked.query.get("$top", PAGE)))
        left = [mail for mail in mails if mail.uid > first and not (unread and mail.seen)]
        body: Json = {"value": [_told(mail) for mail in left[:top]]}
        if len(left) > top:
            kept = "&".join(f"{k}={v}" for k, v in asked.query.items() if k != "$skiptoken").replace(" ", "%20")
            host = asked.headers.get("host", "")
            body["@odata.nextLink"] = f"http://{host}{asked.path}?{kept}&$skiptoken={left[top - 1].uid}"
        return Answer(200, body)


def _told(mail: Mail) -> Json:
    name, address = mail.author
    return {
        "id": str(mail.uid),
        "internetMessageId": mail.id,
        "subject": mail.subject,
        "isRead": mail.seen,
        "receivedDateTime": f"{mail.at:%Y-%m-%dT%H:%M:%SZ}",
        "from": {"emailAddress": {"name": name, "address": address}},
    }


def _from_json(told: Json, box: Mailbox) -> EmailMessage:
    message = EmailMessage()
    message["From"] = box.address
    message["To"] = ", ".join(each["emailAddress"]["address"] for each in told.get("toRecipients", []))
    message["Subject"] = told.get("subject", "")
    body = told.get("body") or {}
    message.set_content(body.get("content", ""), subtype="html" if body.get("contentType") == "HTML" else "plain")
    return message


def _error(status: int, code: str, said: str) -> Answer:
    return Answer(status, {"error": {"code": code, "message": said}})
