"""Messages as Slack would show them, as HTML for the sandbox's page. Everything that is text is escaped.

    messages(state, channel) -> the channel's messages with their threads, as a list of <article>
    message(...)             -> one of them
    blocks(...), mrkdwn(...) -> what is inside
    snapshot(state) -> the whole workspace as JSON, with its HTML

A button carries `data-channel`, `data-ts`, `data-action` and `data-value`, which is what a click needs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

from sandbox.slack.state import SlackState
from sandbox.slack.world import Channel, Json, Message

LINKS = ("http://", "https://", "mailto:")
_TOKEN = re.compile(r"<([^<>]*)>")
_CODE = re.compile(r"(```.*?```|`[^`\n]+`)", re.DOTALL)
_STYLES = (("*", "strong"), ("_", "em"), ("~", "s"))
_TAGS = {"bold": "strong", "italic": "em", "strike": "s", "code": "code"}


def messages(state: SlackState, channel: Channel) -> str:
    """What the channel shows now: messages oldest first, replies indented under theirs."""
    seen = state.visible(channel)
    return "".join(
        message(state, channel, top, [reply for reply in seen if reply.thread_ts == top.ts])
        for top in seen
        if not top.thread_ts
    )


def snapshot(state: SlackState) -> Json:
    """The workspace for a page, as JSON: channels and direct messages with their HTML, notes, and open forms."""
    with state.lock:
        channels = [
            {
                "id": channel.id,
                "name": state.people[channel.user].real_name if channel.is_im else f"#{channel.name}",
                "direct": channel.is_im,
                "count": len(state.visible(channel)),
                "html": messages(state, channel),
            }
            for channel in state.channels.values()
        ]
        notes = [
            {
                "channel": note.channel,
                "user": note.user,
                "name": state.people[note.user].real_name,
                "at": note.at.isoformat(),
                "html": blocks(note.blocks) if note.blocks else f"<p>{mrkdwn(note.text)}</p>",
            }
            for note in state.notes
        ]
        views = [{"id": view.id, "user": view.user, "view": view.view} for view in state.views.values()]
    return {"channels": channels, "notes": notes, "views": views}


def message(state: SlackState, channel: Channel, shown: Message, replies: Sequence[Message] = ()) -> str:
    """A message with its author, its time and its thread."""
    person = state.people.get(shown.user)
    name = person.real_name if person else shown.user
    app = ' <span class="app">APP</span>' if shown.bot_id else ""
    edited = ' <span class="edited">(edited)</span>' if shown.edited else ""
    body = blocks(shown.blocks, channel.id, shown.ts) if shown.blocks else f"<p>{mrkdwn(shown.text)}</p>"
    thread = "".join(message(state, channel, reply) for reply in replies)
    return (
        f'<article class="message" data-channel="{escape(channel.id)}" data-ts="{escape(shown.ts)}">'
        f'<header><b class="author">{escape(name)}</b>{app} <time>{shown.at:%H:%M}</time>{edited}</header>'
        f'<div class="body">{body}</div>{f"""<div class="thread">{thread}</div>""" if thread else ""}</article>'
    )


def blocks(made: Iterable[Json], channel: str = "", ts: str = "") -> str:
    """Blocks as HTML."""
    return "".join(_block(block, channel, ts) for block in made)


def mrkdwn(text: str) -> str:
    """Slack's own markup as HTML: bold, italic, strike, code, links and mentions, after the documented rules."""
    parts = _CODE.split(text)
    return "".join(_code(part) if number % 2 else _inline(part) for number, part in enumerate(parts))


def _block(block: Json, channel: str, ts: str) -> str:
    kind = block.get("type")
    if kind == "header":
        return f"<h3>{_plain(block['text']['text'])}</h3>"
    if kind == "section":
        return f"<p>{_text(block['text'])}</p>"
    if kind == "context":
        return f"<small>{' '.join(_text(element) for element in block['elements'])}</small>"
    if kind == "divider":
        return "<hr>"
    if kind == "rich_text":
        return "".join(_rich(element) for element in block["elements"])
    if kind == "actions":
        return f'<div class="actions">{"".join(_button(b, channel, ts) for b in block["elements"])}</div>'
    return f"<pre>{escape(str(block))}</pre>"


def _button(button: Json, channel: str, ts: str) -> str:
    data = {"channel": channel, "ts": ts, "action": button["action_id"], "value": button.get("value", "")}
    attributes = " ".join(f'data-{name}="{escape(str(value))}"' for name, value in data.items())
    style = escape(button.get("style", "plain"))
    return f'<button class="{style}" {attributes}>{_plain(button["text"]["text"])}</button>'


def _text(text: Json) -> str:
    return mrkdwn(text["text"]) if text["type"] == "mrkdwn" else _plain(text["text"])


def _plain(text: str) -> str:
    return escape(_unescaped(text))


def _unescaped(text: str) -> str:
    """Slack's three entities read back."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


# ---- rich text


def _rich(element: Json) -> str:
    kind = element["type"]
    inner = "".join(_element(inner) for inner in element["elements"]) if kind != "rich_text_list" else ""
    if kind == "rich_text_list":
        tag = "ol" if element.get("style") == "ordered" else "ul"
        start = f' start="{int(element["offset"]) + 1}"' if element.get("offset") else ""
        items = "".join(f"<li>{''.join(_element(i) for i in item['elements'])}</li>" for item in element["elements"])
        return f'<{tag} class="indent-{int(element.get("indent", 0))}"{start}>{items}</{tag}>'
    if kind == "rich_text_quote":
        return f"<blockquote>{inner}</blockquote>"
    if kind == "rich_text_preformatted":
        return f"<pre>{inner}</pre>"
    return f"<p>{inner.removesuffix('<br>')}</p>"


def _element(element: Json) -> str:
    """A text, a link, or a mention; only a mention that Slack itself would make one is shown as one."""
    kind = element["type"]
    if kind == "text":
        shown = escape(element["text"])
    elif kind == "link":
        shown = _link(element["url"], escape(element.get("text") or element["url"]))
    elif kind in {"user", "channel", "usergroup", "broadcast"}:
        name = element.get("user_id") or element.get("channel_id") or element.get("range") or kind
        shown = _mention(str(name))
    else:
        shown = escape(f":{element.get('name', kind)}:")
    for style, on in (element.get("style") or {}).items():
        tag = _TAGS.get(style)
        shown = f"<{tag}>{shown}</{tag}>" if on and tag else shown
    return shown if kind != "text" else shown.replace("\n", "<br>")


def _link(url: str, label: str) -> str:
    return f'<a href="{escape(url)}" rel="noopener">{label}</a>' if url.startswith(LINKS) else label


def _mention(name: str) -> str:
    return f'<span class="mention">@{escape(name)}</span>'


# ---- mrkdwn


def _code(part: str) -> str:
    tag, mark = ("pre", "```") if part.startswith("```") else ("code", "`")
    return f"<{tag}>{_plain(part.removeprefix(mark).removesuffix(mark))}</{tag}>"


def _inline(text: str) -> str:
    parts = _TOKEN.split(text)
    return "".join(_token(part) if number % 2 else _styled(part) for number, part in enumerate(parts))


def _token(token: str) -> str:
    target, _, label = token.partition("|")
    if target[:1] in {"@", "#", "!"}:
        return _mention(label or target[1:])
    return _link(_unescaped(target), _plain(label or target))


def _styled(text: str) -> str:
    shown = _plain(text)
    for mark, tag in _STYLES:
        sign = re.escape(mark)
        pattern = rf"(?<![\w{sign}]){sign}(?=\S)([^{sign}\n]*?\S){sign}(?![\w{sign}])"
        shown = re.sub(pattern, rf"<{tag}>\1</{tag}>", shown)
    return shown.replace("\n", "<br>")
