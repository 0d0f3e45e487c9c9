"""Teams by a Workflows webhook: one card a message, one way, on good days and on bad ones."""

import logging
from datetime import timedelta

import pytest
from pydantic import ValidationError

from connectors.base import Wanted
from connectors.errors import ConnectorError, Missing, Refused, Temporary
from connectors.model import Message, Topic
from connectors.teams.cards import CUT, ROOM
from connectors.teams.webhook import TeamsWebhook, WebhookSettings
from sandbox.http import Answer, Fault
from tests.connectors.contracts import CONTRACTS
from tests.connectors.faults import patience_of
from tests.connectors.teams_tenant import check_card, tenant
from tests.connectors.test_teams_faults import (
    DOWN,
    FAULTS,
    PATIENCE,
    PLACE,
    ROWS,
    aimed,
    leaked,
    teams_says,
    watched,
)


@pytest.fixture
def hook(request):
    with tenant() as made:
        made.url = made.state.webhook(made.state.flow(made.ops))
        made.hook = webhook(made, timeout=patience_of(request, PATIENCE))
        yield made
        made.hook.close()


def webhook(made, **settings):
    given = {"channels": {PLACE: made.url}, **settings}
    return TeamsWebhook("msteams", WebhookSettings.model_validate(given))


WEBHOOK = [
    *[
        row
        for row in FAULTS
        if row[0].split(",")[0] not in {"unauthorised", "forbidden", "forbidden there", "two at once"}
    ],
    ("wrong signature", Fault(..., teams_says(401, "DirectApiAuthorizationRequired")), Refused, None, None, 0),
    ("forbidden", Fault(..., Answer(403, "no")), Refused, None, None, 0),
    (
        "too many, told with 200",
        Fault(..., Answer(200, "Microsoft Teams endpoint returned HTTP error 429 with ContextId x")),
        Temporary,
        False,
        None,
        0,
    ),
    ("too large, told with 200", Fault(..., Answer(200, "returned HTTP error 413")), Refused, None, None, 0),
    ("trouble, told with 200", Fault(..., Answer(200, "returned HTTP error 502")), Temporary, True, None, 0),
]
UNREAD = {"half an answer", "JSON that is no object", "an object that is not Teams'"}
"""Nothing of what a workflow answers is needed, so these are no faults."""


@pytest.mark.parametrize(ROWS, [row for row in WEBHOOK if row[0] not in UNREAD], ids=lambda v: str(v)[:40])
def test_a_webhook_on_a_bad_day(hook, why, fault, error, in_doubt, retry_after, stand):
    seen = watched(hook)
    hook.box.server.fail(aimed(fault, "POST", "/workflows/"))
    with pytest.raises(ConnectorError, match=f"could not post to msteams:{PLACE}: ") as raised:
        hook.hook.put(PLACE, DOWN, None, "k")
    assert type(raised.value) is error, why
    assert getattr(raised.value, "in_doubt", None) is in_doubt, why
    assert getattr(raised.value, "retry_after", None) == retry_after, why
    assert len(hook.ops.messages) == stand, why
    assert len(seen) == 1, "a post is never repeated"
    assert "sig=" not in str(raised.value), why
    assert "<html" not in str(raised.value), why


def test_a_webhook_posts_one_card_and_links_to_the_ticket_where_a_bot_has_buttons(hook):
    with_links = webhook(hook, ticket_url="https://jira.example.org/browse/{key}")
    thing = Message("down", DOWN.buttons, about=Topic("10001", "OPS-1"))
    with_links.put(PLACE, thing, None, "k")
    (message,) = hook.ops.messages
    if CONTRACTS.exists():
        check_card(message.card)
    assert message.card["actions"] == [
        {"type": "Action.OpenUrl", "title": "Open OPS-1", "url": "https://jira.example.org/browse/OPS-1"}
    ]
    webhook(hook, ticket_url="https://x.example/{ref}").put(PLACE, DOWN, None, "k")
    assert [a["url"] for a in hook.ops.messages[-1].card["actions"]] == ["https://x.example/10001"]
    hook.hook.put(PLACE, thing, None, "k")
    assert "actions" not in hook.ops.messages[-1].card


def test_who_may_not_know_the_key_is_shown_no_link_with_it(hook):
    webhook(hook, ticket_url="https://x.example/{key}").put(PLACE, DOWN, None, "k")
    assert "actions" not in hook.ops.messages[-1].card


def test_what_a_webhook_posted_is_never_edited(hook):
    assert (TeamsWebhook.editable, TeamsWebhook.searchable) == (False, False)
    ref = hook.hook.put(PLACE, DOWN, None, "k")
    with pytest.raises(Refused, match="cannot be changed"):
        hook.hook.put(PLACE, DOWN, ref, "k")
    hook.hook.retire(PLACE, ref)
    assert len(hook.ops.messages) == 1


@pytest.mark.parametrize(
    "text",
    [
        "x" * 40_000,
        "é" * 30_000,
        "line\n" * 700,
        "\n\n".join(["word " * 60] * 150),
        "[l](https://x.example/)\n\n" * 300,
    ],
)
def test_a_message_that_is_too_long_is_cut_and_says_so(hook, text):
    hook.hook.put(PLACE, Message(text, title="OPS-1"), None, "k")
    hook.teams.put(PLACE, Message(text, DOWN.buttons, title="OPS-1"), None, "k")
    for asked, _ in hook.box.server.seen:
        assert len(asked.body) <= ROOM
    for message in hook.ops.messages:
        assert CUT in str(message.card["body"][-1])
        assert len(message.card["body"]) > 2
    assert hook.buttons() == ["Take it", "Close"], "buttons are never cut off"


def test_a_place_without_a_webhook_is_missing_and_a_check_finds_it(hook):
    with pytest.raises(Missing, match=r"did you mean operations/incidents\?"):
        hook.hook.put("Operations/Incident", DOWN, None, "k")
    said = [str(problem) for problem in hook.hook.check(Wanted(addresses=(PLACE, "a/b"), people=("ann@example.org",)))]
    assert len(said) == 2
    assert "no webhook is configured for msteams:a/b" in said[0]
    assert "reaches nobody alone" in said[1]


def test_the_throttle_of_the_sandbox_is_met_like_the_real_one(hook):
    for number in range(4):
        hook.hook.put(PLACE, DOWN, None, str(number))
    with pytest.raises(Temporary) as raised:
        hook.hook.put(PLACE, DOWN, None, "k")
    assert raised.value.in_doubt is False
    assert hook.hook.pace * 60 >= timedelta(seconds=30)
    hook.later(1)
    hook.hook.put(PLACE, DOWN, None, "k")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (
            "https://acme.webhook.office.com/webhookb2/a@b/IncomingWebhook/c/d",
            "Office 365 connector, which Microsoft has",
        ),
        ("https://outlook.office.com/webhook/x", "Office 365 connector, which Microsoft has"),
        ("http://prod-1.westeurope.logic.azure.com/workflows/x", "does not begin with https://"),
        ("prod-1.logic.azure.com/workflows/sig-of-it", "does not begin with https://"),
        ("https://[sig-of-it", "cannot be read"),
    ],
)
def test_a_url_that_is_no_workflows_is_refused_with_a_hint_and_not_quoted(url, said):
    with pytest.raises(ValidationError, match=said) as raised:
        WebhookSettings.model_validate({"channels": {"a": url}})
    assert url not in str(raised.value)


def test_no_error_repr_or_log_of_the_webhook_holds_its_url(hook, caplog, capsys):
    caplog.set_level(logging.DEBUG)
    said = [repr(hook.hook), repr(hook.hook.settings), str(hook.hook.settings), repr(vars(hook.hook))]
    for fault in (
        Fault(..., drop=True),
        Fault(..., Answer(400, {"error": {"code": "Bad", "message": f"cannot POST {hook.url} now"}})),
        Fault(..., Answer(500, hook.url)),
        Fault(..., Answer(302, "", {"location": hook.url})),
    ):
        hook.box.server.fail(aimed(fault, "POST", "/workflows/"))
        said += leaked(lambda: hook.hook.put(PLACE, DOWN, None, "k"))
        hook.box.server.heal()
    gone = TeamsWebhook("msteams", WebhookSettings.model_validate({"channels": {PLACE: "http://127.0.0.1:1/?sig=abc"}}))
    said += leaked(lambda: gone.put(PLACE, DOWN, None, "k"))
    said += [caplog.text, *capsys.readouterr()]
    secret = hook.url.partition("sig=")[2]
    assert secret
    assert not [text for text in said if secret in text or "sig=abc" in text]
