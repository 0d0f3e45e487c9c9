"""The pages behind links: each stands for itself, fetches nothing, runs nothing, is kept nowhere and found by nobody.

Whatever a page shows was written by somebody else or by the engine, so all of it is escaped.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from hashlib import sha256
from html import escape

from connectors.base import Receipt
from connectors.email.links import Link
from connectors.email.render import html as rendered
from connectors.email.verbs import known
from connectors.model import Form, Question

_STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:1.05rem/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem;"
    "color:#1b1f24;background:#fff}"
    "h1{font-size:1.4rem}label{display:block;margin:1rem 0 .3rem;font-weight:600}"
    "input,textarea,select{font:inherit;width:100%;box-sizing:border-box;padding:.5rem;"
    "border:1px solid #57606a;border-radius:.3rem;color:inherit;background:inherit}"
    "button{font:inherit;font-weight:600;margin-top:1.2rem;padding:.6rem 1.4rem;border:0;border-radius:.3rem;"
    "background:#0b5cad;color:#fff;cursor:pointer}"
    ":focus-visible{outline:3px solid #f0a30a;outline-offset:2px}"
    "@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}}"
)
_HASH = base64.b64encode(sha256(_STYLE.encode()).digest()).decode()
HEADERS: Mapping[str, str] = {
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cache-control": "no-store",
    "x-robots-tag": "noindex, nofollow",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
"""What every page is sent with: the address holds a key, so it is neither kept, nor found, nor passed on."""


def confirm(link: Link, action: str) -> Receipt:
    """What will happen, and the button that makes it happen. `action` is where the form goes."""
    ticket = link.key or "the incident"
    head = f"{_spoken(link.verb)} {ticket}?"
    verb = known(link.verb)
    says = f"If you press the button, {verb.says if verb is not None else link.verb}: {ticket}."
    body = f"<p>{escape(says)}</p>{_as(link)}{_form(action, '', _spoken(link.verb))}"
    return page(head, body)


def ask(link: Link, form: Form, action: str) -> Receipt:
    """What the command still lacks, to be filled in."""
    fields = "".join(_field(question) for question in form.questions)
    return page(form.title, f"{_as(link)}{_form(action, fields, 'Send')}")


def said(link: Link, text: str) -> Receipt:
    """What came of it: the engine's sentence, in Markdown."""
    return page(link.key or "Pointman", f'<div role="status">{rendered(text)}</div>{_as(link)}')


def waiting(link: Link) -> Receipt:
    """It is on its way: the page asks again by itself."""
    ticket = link.key or "the incident"
    body = "<p>It is being carried out. What comes of it stands on the ticket; this page looks again by itself.</p>"
    return page(f"{_spoken(link.verb)} {ticket}", body, refresh=True)


def wrong(status: int, text: str) -> Receipt:
    """Why a link is not followed."""
    return page("This link does not work", f"<p>{escape(text)}</p><p>Nothing was changed.</p>", status)


def page(title: str, body: str, status: int = 200, *, refresh: bool = False) -> Receipt:
    """A whole page around a body of HTML."""
    again = '<meta http-equiv="refresh" content="2">' if refresh else ""
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta name="robots" content="noindex,nofollow">{again}<style>{_STYLE}</style></head>'
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )
    return Receipt(status=status, body=text, content_type="text/html; charset=utf-8", headers=HEADERS)


def _as(link: Link) -> str:
    return f"<p>You act as <strong>{escape(link.address)}</strong>.</p>"


def _form(action: str, fields: str, button: str) -> str:
    return (
        f'<form method="post" action="{escape(action)}">{fields}<button type="submit">{escape(button)}</button></form>'
    )


def _field(question: Question) -> str:
    name, need = escape(question.name), " required" if question.required else ""
    label = f'<label for="{name}">{escape(question.label)}</label>'
    if question.kind == "text":
        return f'{label}<textarea id="{name}" name="{name}" rows="5"{need}>{escape(question.value)}</textarea>'
    if question.kind == "choice":
        options = "".join(
            f"<option{' selected' if option == question.value else ''}>{escape(option)}</option>"
            for option in question.options
        )
        return f'{label}<select id="{name}" name="{name}"{need}>{options}</select>'
    return f'{label}<input id="{name}" name="{name}" value="{escape(question.value)}"{need}>'


def _spoken(verb: str) -> str:
    """A verb as a button says it: `claim:poc` is `Claim poc`."""
    return verb.replace(":", " ").capitalize()
