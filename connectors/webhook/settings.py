"""What a table of `use = "webhook"` may say."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from connectors.config import ConnectorSettings, Secret
from connectors.problems import nearest
from connectors.webhook.recipes import RECIPES, WORDS, Name, Recipe
from connectors.webhook.template import asked

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def _address(url: SecretStr) -> SecretStr:
    """Where a receiver is. Raises ValueError, and never quotes it: whoever has it may be able to ring."""
    try:
        parts = urlsplit(url.get_secret_value().strip())
        host = parts.hostname or ""
    except ValueError:
        raise ValueError("the URL cannot be read") from None
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK)):
        raise ValueError("the URL has to begin with https://, or with http:// on this machine")
    return url


def _words(template: dict[str, Any]) -> dict[str, Any]:
    wrong = sorted(set(asked(template)) - WORDS)
    if wrong:
        raise ValueError(f"there is no word {{{wrong[0]}}}; {nearest(wrong[0], WORDS) or ', '.join(sorted(WORDS))}")
    return template


Address = Annotated[Secret, AfterValidator(_address)]
Body = Annotated[dict[str, Any], AfterValidator(_words)]


class WebhookSettings(ConnectorSettings):
    """The settings of a receiver that rings phones."""

    recipe: Name = Field(default="json", description="json, pagerduty, opsgenie, jsm, twilio or twilio_sms.")
    url: Address | None = Field(default=None, description="Where requests go; the recipes but json know it themselves.")
    urls: dict[str, Address] = Field(default_factory=dict, description="Other URLs, by address.")
    secret: Secret | None = Field(
        default=None, description="Signs each request as Standard Webhooks says: whsec_ and base64, or any text."
    )
    old_secret: Secret | None = Field(default=None, description="Signs as well, while the receiver changes secrets.")
    token: Secret | None = Field(
        default=None, description="PagerDuty's integration key, Opsgenie's or JSM's API key, Twilio's auth token."
    )
    tokens: dict[str, Secret] = Field(default_factory=dict, description="Other tokens, by address.")
    user: str = Field(default="", description="Twilio: the account's SID.")
    sender: str = Field(default="", description="Twilio: the number that calls, such as +4930123456.")
    language: str = Field(default="en-US", pattern=r"^[A-Za-z]{2,3}(-\w{2,4})?$", description="Twilio: what it speaks.")
    source: str = Field(default="Pointman", description="Who calls, for those who read it there.")
    ticket_url: str = Field(
        default="",
        pattern=r"^(https?://\S*\{(key|ref)\}\S*)?$",
        description="A link to a ticket, with {key} or its id {ref} in it.",
    )
    after: Literal["resolve", "acknowledge", "nothing"] = Field(
        default="resolve", description="What becomes there of a call that nobody needs to answer any more."
    )
    body: Body | None = Field(default=None, description="What is sent, in place of the recipe's; {words} in braces.")
    done: Body | None = Field(default=None, description="What is sent when a call is over, in place of the recipe's.")
    headers: dict[str, Secret] = Field(default_factory=dict, description="Further headers of each request.")
    webhook_secret: Secret | None = Field(
        default=None,
        description="What the webhook that comes back proves itself with: PagerDuty's signing secret; else a Bearer.",
    )
    public_url: str = Field(
        default="",
        pattern=r"^((https://|http://(127\.0\.0\.1|localhost)[:/])[^\s?#]*)?$",
        description="Twilio: where it reaches Pointman, as https://pointman.example.org. A call then asks for a key.",
    )
    people: str = Field(
        default="", description="Another connector by whose ids [people] knows this service's users: pagerduty, jira."
    )
    api_token: Secret | None = Field(
        default=None, description="PagerDuty: a read-only REST API key, to look up an incident's alerts and its users."
    )
    api_url: str = Field(
        default="https://api.pagerduty.com",
        pattern=r"^(https://|http://(127\.0\.0\.1|localhost)[:/])\S*$",
        description="PagerDuty: where its REST API is; in the service region EU https://api.eu.pagerduty.com.",
    )
    press: str = Field(
        default="Press 1 to acknowledge.", max_length=200, description="Twilio: how a call asks to be acknowledged."
    )
    drops_doubles: bool = Field(
        default=False, description="json: whether the receiver drops what comes twice with one webhook-id."
    )

    @model_validator(mode="after")
    def _complete(self) -> WebhookSettings:
        recipe = self.made
        if not self.url and not self.urls and not recipe.url:
            raise ValueError(f"the recipe {self.recipe} needs a url")
        for need in recipe.needs:
            if not (getattr(self, need) or (need == "token" and self.tokens)):
                raise ValueError(f"the recipe {self.recipe} needs {_NEEDS[need]}")
        if "/hooks" in urlsplit(self.public_url).path:
            raise ValueError("public_url ends before /hooks, which is added")
        return self

    @property
    def made(self) -> Recipe:
        """The recipe of that name."""
        return RECIPES[self.recipe]


_NEEDS = {
    "token": "a token",
    "user": "user, the account's SID",
    "sender": "sender, the number that calls",
    "secret": "a secret, which signs what is sent",
}
