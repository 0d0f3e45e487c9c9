"""The sandbox's page shows a message as Slack would, and nothing in it can be markup of ours."""

import re
from datetime import UTC, datetime
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from connectors.markup import inert
from connectors.model import Button, Message
from connectors.slack.blocks import blocks as made
from sandbox.clock import Clock
from sandbox.slack import SlackState
from sandbox.slack.render import blocks, messages, mrkdwn, snapshot
from sandbox.slack.world import Message as Posted


def test_rich_text_is_shown_with_its_shapes():
    text = (
        "# Head\n\n**b** _i_ ~~s~~ `c` [l](https://ok.example)\n\n3. three\n   - inner\n4. four\n\n> said\n\n"
        "```\na < b\n```"
    )
    assert blocks(made(Message(text))) == (
        "<p><strong>Head</strong></p>"
        '<p><strong>b</strong> <em>i</em> <s>s</s> <code>c</code> <a href="https://ok.example" rel="noopener">l</a></p>'
        '<ol class="indent-0" start="3"><li>three</li></ol><ul class="indent-1"><li>inner</li></ul>'
        '<ol class="indent-0" start="4"><li>four</li></ol>'
        "<blockquote>said</blockquote><pre>a &lt; b</pre>"
    )


def test_a_button_carries_what_a_click_needs():
    shown = blocks(made(Message("", (Button('Say "hi" & go', "take", "10001", "danger"),))), "C1", "17.1")
    assert shown == (
        '<div class="actions"><button class="danger" data-channel="C1" data-ts="17.1" data-action="take" '
        'data-value="{&quot;ref&quot;: &quot;10001&quot;}">Say &quot;hi&quot; &amp; go</button></div>'
    )


def test_mrkdwn_follows_slacks_rules():
    told = {
        "*b* _i_ ~s~ `*c*`": "<strong>b</strong> <em>i</em> <s>s</s> <code>*c*</code>",
        "2 * 3 * 4, a_b_c": "2 * 3 * 4, a_b_c",
        "<https://ok.example|a &lt; b>": '<a href="https://ok.example" rel="noopener">a &lt; b</a>',
        "<javascript:x|y>": "y",
        "<!channel> <@U1|ann>": '<span class="mention">@channel</span> <span class="mention">@ann</span>',
        "&lt;!channel&gt; @here": "&lt;!channel&gt; @here",
        "```a\n<b>```": "<pre>a\n&lt;b&gt;</pre>",
    }
    assert {text: mrkdwn(text) for text in told} == told


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags = set()
        self.mentions = 0

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.mentions += ("class", "mention") in attrs


def tags(html):
    reader = Tags()
    reader.feed(html)
    return reader


@given(st.text(alphabet=st.one_of(st.sampled_from("<>!@#&*_~`[]()|\"'\n "), st.characters(codec="utf-8"))))
def test_a_ticket_text_is_never_a_tag_nor_a_mention(text):
    shown = tags(blocks(made(Message(inert(text), title=inert(text)))))
    assert shown.tags <= {"h3", "p", "br"}
    assert shown.mentions == 0
    assert not tags(mrkdwn(text)).tags & {"script", "img", "b", "h1"}


def test_a_channel_is_shown_with_its_threads_and_without_what_comes_late():
    state = SlackState(Clock(datetime(2026, 11, 23, 10, 0, tzinfo=UTC), speed=0))
    ops, ann = state.channel("#ops"), state.person("ann", real_name="<Ann>")
    top = state.say(ann, ops, "down")
    ops.messages.append(Posted(state.stamp(), state.bot.id, "on it", thread_ts=top.ts, bot_id="B1", edited="1.0"))
    state.say(ann, ops, "bye")
    html = messages(state, ops)
    assert re.findall(r'<b class="author">(.*?)</b>', html) == ["&lt;Ann&gt;", "Pointman", "&lt;Ann&gt;"]
    assert re.search(r"down.*<div class=\"thread\"><article.*APP.*on it.*</article></div></article><article.*bye", html)
    assert '<span class="edited">(edited)</span>' in html
    told = snapshot(state)
    assert [(c["name"], c["count"], c["direct"], c["html"]) for c in told["channels"]] == [("#ops", 3, False, html)]
