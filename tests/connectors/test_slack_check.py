"""`check --live` on Slack: what is missing is told with what does not work without it and how it is put right."""

import json
import re
from pathlib import Path

import pytest

from connectors.base import Wanted
from connectors.slack.checks import PRIVATE, ROOMS, SCOPES
from tests.connectors.slack_workspace import workspace


@pytest.fixture
def at():
    with workspace() as made:
        yield made


def told(slack, wanted=Wanted()):  # noqa: B008  (frozen)
    return [f"{problem.level}: {problem.message}; {problem.hint}".removesuffix("; ") for problem in slack.check(wanted)]


def test_a_workspace_that_is_ready_has_no_problems_and_stays_as_it_is(at):
    wanted = Wanted(addresses=("#ops", at.ops.id, at.ann.id), people=("ann@example.org",), home="#ops")
    assert told(at.slack, wanted) == []
    assert set(at.state.calls) <= {
        "auth.test",
        "users.conversations",
        "conversations.info",
        "users.info",
        "users.lookupByEmail",
    }
    assert at.ops.messages == []


def test_a_wrong_token_is_the_only_thing_told(at):
    slack = at.again(token="xoxb-wrong")
    assert told(slack, Wanted(addresses=("#nope",))) == [
        "error: could not sign in to slack: invalid_auth; check the token"
    ]


def test_each_missing_place_and_person_is_told(at):
    at.state.channel("#others", member=False)
    at.state.channel("#old").is_archived = True
    wanted = Wanted(
        addresses=("#nope", "#others", "#old", "C0SBX99999", at.state.channel("#others").id),
        people=("bob@example.org", "U0NOBODY"),
        home="#home",
    )
    no_member = "the app is a member of no channel"
    assert told(at.slack, wanted) == [
        f"error: could not find slack:#nope: {no_member} #nope; invite it with /invite",
        f"error: could not find slack:#others: {no_member} #others; invite it with /invite",
        f"error: could not find slack:#old: {no_member} #old; invite it with /invite",
        "error: could not find slack:C0SBX99999: channel_not_found; is the app a member of the channel?",
        f"error: the app is no member of slack:{at.state.channel('#others').id}; invite it with /invite",
        "error: could not find slack:bob@example.org: users_not_found; is this the address in their Slack profile?",
        "error: could not find slack:U0NOBODY: user_not_found; is this their id in Slack?",
        f"error: could not find slack:#home: {no_member} #home; invite it with /invite",
    ]


def test_a_configured_channel_that_is_archived_is_told(at):
    at.ops.is_archived = True
    slack = at.again(channels={"#ops": at.ops.id})
    assert told(slack, Wanted(addresses=("#ops",))) == [
        "error: slack:#ops is archived; unarchive it, or name another channel"
    ]


@pytest.mark.parametrize("scope", SCOPES)
def test_a_missing_scope_is_told_with_what_does_not_work(at, scope):
    at.state.scopes -= {scope}
    level = "error" if scope == "chat:write" else "warning"
    assert told(at.slack) == [
        f"{level}: the app lacks the scope {scope}: {SCOPES[scope]}; add it to the app and install the app again"
    ]


def test_a_scope_that_makes_posts_unfindable_is_warned_about(at):
    at.state.scopes |= {"chat:write.public"}
    (problem,) = told(at.slack)
    assert problem.startswith("warning: the app has the scope chat:write.public: it can post where it cannot look")


def test_no_way_in_for_clicks_is_warned_about(at):
    (problem,) = told(at.again(signing_secret=None))
    assert (
        problem == "warning: clicks and commands cannot come in; set signing_secret (HTTP) or app_token (Socket Mode)"
    )


def test_an_app_token_is_tried(at):
    assert told(at.again(app_token=at.state.app_token)) == []
    (problem,) = told(at.again(app_token="xapp-wrong"))
    assert problem.startswith("error: could not listen to Slack: invalid_auth")


def test_the_manifest_in_the_documentation_grants_exactly_the_scopes_that_are_checked():
    page = Path(__file__).resolve().parents[2] / "docs" / "connectors" / "slack.md"
    manifest = json.loads(re.search(r"```json\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)[1])
    assert set(manifest["oauth_config"]["scopes"]["bot"]) == {*SCOPES, *ROOMS, *PRIVATE, "commands"}


@pytest.mark.parametrize("scope", [*ROOMS, *PRIVATE])
def test_a_scope_for_channels_is_missed_only_where_channels_are_opened(scope):
    with workspace() as at:
        at.state.scopes.discard(scope)
        assert told(at.slack) == []
        (line,) = told(at.slack, Wanted(channels=True, private=True))
        assert f"the app lacks the scope {scope}" in line
