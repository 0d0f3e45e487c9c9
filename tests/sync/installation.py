"""An installation in a folder: `config.toml` and rules for a sandbox, as an administrator would write them."""

from pathlib import Path

from sandbox.world import World

SECRET = "a webhook secret"

RULES = """
[defaults]
timezone = "UTC"

[fields]
affected_users = { type = "number" }

[people]
tom = { jira = "5b109f2e9729b51b54dc274d", email = "tom@example.org" }

[teams]
ops = { lead = "tom", members = ["tom"] }

[[classify]]
id = "down"
when = 'mentions(summary, "down")'
set = { severity = "high" }

[[notify]]
id = "card"
when = 'severity == "high"'
to = ["slack:#incidents"]
text = "{{ key }}: {{ summary }}"
buttons = ["acknowledge"]

[[escalate]]
id = "unacknowledged"
when = 'severity == "high" and not acknowledged'
steps = [{ after = "5m", to = ["slack:#incidents"], text = "{{ key }}: nobody has acknowledged" }]
"""


def install(folder: Path, world: World, more: str = "") -> Path:
    """Write it all; the configuration file. The channel #incidents exists afterwards."""
    world.channel("#incidents")
    (folder / "rules.d").mkdir(exist_ok=True)
    (folder / "rules.d" / "rules.toml").write_text(RULES)
    path = folder / "config.toml"
    path.write_text(
        f"""
start = 2020-01-01T00:00:00Z
{more}
[server]
port = 0
[sweep]
every = 0.2
concurrency = 4
[connectors.jira]
url = "{world.server.url}"
user = "pointman@example.org"
token = "{world.jira.token}"
webhook_secret = "{SECRET}"
project = ["OPS"]
kind = "Incident"
[connectors.jira.fields]
severity = "customfield_10050"
team = "customfield_10052"
affected_users = "customfield_10053"
[connectors.jira.values.severity]
high = "High"
medium = "Medium"
low = "Low"
[connectors.slack]
token = "{world.slack.state.token}"
signing_secret = "{world.slack.state.signing_secret}"
base_url = "{world.slack.api}"
"""
    )
    return path
