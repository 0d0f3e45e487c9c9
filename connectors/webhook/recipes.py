"""What is sent to whom: one recipe for each kind of receiver, written down as data.

Sources: PagerDuty's Events API v2 (github.com/PagerDuty/api-schema, events-v2); https://docs.opsgenie.com/docs/alert-api,
whose requests Jira Service Management takes under https://api.atlassian.com/jsm/ops/integration; Twilio's Calls and
Messages (https://www.twilio.com/docs/voice/api/call-resource). The plain one follows https://www.standardwebhooks.com.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from connectors.shapes import TEXT, Shape
from connectors.webhook.template import Template

Name: TypeAlias = Literal["json", "pagerduty", "opsgenie", "jsm", "twilio", "twilio_sms"]
_SAID: Final = ("text", "markdown", "summary", "title", "ticket", "ref", "link", "link_title", "severity", "priority")
_KNOWN: Final = ("id", "ids", "to", "now", "source", "sender", "user", "token", "url", "base", "action", "reply")
WORDS: Final = frozenset((*_SAID, *_KNOWN, "responders", "twiml"))
"""What a body may ask for, in braces; see docs/connectors/webhook.md."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one kind of receiver is spoken to.

    `done` is what ends a call, at `done_url`, where that can be told (`actions`: what our words for it are there).
    `drops_doubles`: what comes again under the same id is no second call. `answer` is what its success looks like.
    `authorization` may be a scheme for the token, or `basic` for user and token. `longest` is of the summary, in
    characters. `lapsed` are the statuses that mean there is nothing to end any more.
    """

    product: str
    url: str
    body: Template
    done: Template | None = None
    done_url: str = "{url}"
    actions: Mapping[str, str] = field(default_factory=dict)
    drops_doubles: bool = False
    form: bool = False
    answer: Shape = None
    authorization: str = ""
    longest: int = 1_000
    lapsed: frozenset[int] = frozenset()
    needs: tuple[str, ...] = ("token",)


_ALERT: Final[Template] = {
    "message": "{summary}",
    "alias": "{id}",
    "description": "{text}\n\n{link}",
    "responders": "{responders}",
    "priority": "{priority}",
    "source": "{source}",
    "entity": "{ticket}",
    "details": {"ticket": "{ticket}", "link": "{link}"},
}


def _alerts(product: str, url: str) -> Recipe:
    """Opsgenie, and Jira Service Management, which took over its requests."""
    return Recipe(
        product,
        url,
        _ALERT,
        done={"user": "{source}", "source": "{source}", "note": "The ticket needs nobody to be called any more."},
        done_url="{url}/{ref}/{action}?identifierType=alias",
        actions={"resolve": "close", "acknowledge": "acknowledge"},
        drops_doubles=True,
        answer={"requestId!": TEXT},
        authorization="GenieKey",
        longest=130,
        lapsed=frozenset({404}),
    )


RECIPES: Final[Mapping[Name, Recipe]] = {
    "json": Recipe(
        "Webhook",
        "",
        {
            "type": "pointman.message",
            "timestamp": "{now}",
            "data": {
                "id": "{id}",
                "to": "{to}",
                "text": "{text}",
                "severity": "{severity}",
                "ticket": "{ticket}",
                "ref": "{ref}",
                "link": "{link}",
            },
        },
        needs=("secret",),
    ),
    "pagerduty": Recipe(
        "PagerDuty",
        "https://events.pagerduty.com/v2/enqueue",
        {
            "routing_key": "{token}",
            "event_action": "trigger",
            "dedup_key": "{id}",
            "client": "{source}",
            "client_url": "{link}",
            "links": [{"href": "{link}", "text": "{link_title}"}],
            "payload": {
                "summary": "{summary}",
                "source": "{source}",
                "severity": "{severity}",
                "custom_details": {"text": "{text}", "to": "{to}", "ticket": "{ticket}"},
            },
        },
        done={"routing_key": "{token}", "event_action": "{action}", "dedup_key": "{ref}"},
        actions={"resolve": "resolve", "acknowledge": "acknowledge"},
        drops_doubles=True,
        answer={"status!": TEXT},
        longest=1_024,
    ),
    "opsgenie": _alerts("Opsgenie", "https://api.opsgenie.com/v2/alerts"),
    "jsm": _alerts("Jira Service Management", "https://api.atlassian.com/jsm/ops/integration/v2/alerts"),
    "twilio": Recipe(
        "Twilio",
        "https://api.twilio.com/2010-04-01/Accounts/{user}/Calls.json",
        {"To": "{to}", "From": "{sender}", "Twiml": "{twiml}"},
        done={"Status": "canceled"},
        done_url="{base}/{ref}.json",
        actions={"resolve": "canceled", "acknowledge": "canceled"},
        form=True,
        answer={"sid!": TEXT},
        authorization="basic",
        lapsed=frozenset({400, 404}),
        needs=("token", "user", "sender"),
    ),
    "twilio_sms": Recipe(
        "Twilio",
        "https://api.twilio.com/2010-04-01/Accounts/{user}/Messages.json",
        {"To": "{to}", "From": "{sender}", "Body": "{text}\n{link}{reply}"},
        form=True,
        answer={"sid!": TEXT},
        authorization="basic",
        needs=("token", "user", "sender"),
    ),
}
