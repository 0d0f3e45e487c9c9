"""The app package that an administrator uploads to Teams: a manifest and two icons, drawn here, in a zip file.

https://learn.microsoft.com/microsoftteams/platform/resources/schema/manifest-schema
"""

from __future__ import annotations

import json
import re
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from typing import Any, Final, TypeAlias
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from connectors.errors import ConnectorError
from connectors.microsoft import BOTS, App, Tokens
from connectors.setup import Order, Step
from connectors.teams.settings import TeamsSettings

Json: TypeAlias = dict[str, Any]
Paint: TypeAlias = Callable[[float, float], tuple[int, int, int, int]]

VERSION: Final = "1.16"
ACCENT: Final = "#1F4E79"
COMMANDS: Final[Mapping[str, str]] = {
    "acknowledge": "acknowledge OPS-42: I have seen it and take care of it",
    "take": "take OPS-42: assign it to me",
    "update": "update OPS-42 TEXT: tell everybody how it stands",
    "hold": "hold OPS-42 REASON: it waits",
    "escalate": "escalate OPS-42: call the next people now",
    "resolve": "resolve OPS-42: it is over",
    "status": "status OPS-42: how it stands, and what happens next",
    "mine": "mine: what I have to take care of",
    "declare": "declare TEXT: something is broken, make a ticket",
    "help": "help: everything that can be said",
}
ROOMS: Final = ("Channel.Create.Group", "ChannelSettings.ReadWrite.Group")
"""What an owner of a team grants with the app: https://learn.microsoft.com/microsoftteams/platform/graph-api/rsc"""
_LIMITS: Final = (
    (("name", "short"), 30),
    (("name", "full"), 100),
    (("description", "short"), 80),
    (("description", "full"), 4000),
    (("developer", "name"), 32),
)


def steps(name: str, settings: TeamsSettings, order: Order) -> Iterator[Step]:
    """What Teams must have for us. Changes nothing there: only an administrator may."""
    app = App(settings.tenant, settings.app_id, settings.secret.get_secret_value(), settings.login_url)
    tokens = Tokens(app, settings.timeout)
    try:
        tokens.token(BOTS)
        yield Step("the app registration", "there", f"signed in to {settings.tenant} as {settings.app_id}")
    except ConnectorError as error:
        yield Step("the app registration", "refused", str(error))
    finally:
        tokens.close()
    if not order.url.startswith("https://"):
        yield Step("the app package", "todo", "say --url https://… : Teams reaches a bot at a public address only")
        return
    hook = f"{order.url.rstrip('/')}/hooks/{name}"
    yield Step(
        "the bot",
        "todo",
        f"in Azure, make an Azure Bot (single tenant) for {settings.app_id}\n"
        f"set its messaging endpoint to {hook}\nadd the channel Microsoft Teams to it",
    )
    made = packed(manifest(settings.app_id, order.url, rooms=bool(settings.channels_in)))
    state: Any = "would" if order.dry else "made"
    yield Step("the app package", state, "manifest and icons", f"{name}.zip", made)
    yield Step(
        "the app in Teams",
        "todo",
        f"upload {name}.zip in the Teams admin center, under Manage apps\n"
        "add the app to each team whose channels hear of incidents\n"
        "copy the id in each channel's link (19:…@thread.tacv2) to channels in the settings",
    )


def manifest(app_id: str, url: str, *, rooms: bool = False) -> Json:
    """The app's manifest; with `rooms` it asks a team's owner to let it open channels there.

    Raises ValueError where Teams would not take it.
    """
    made: Json = {
        "$schema": f"https://developer.microsoft.com/en-us/json-schemas/teams/v{VERSION}/MicrosoftTeams.schema.json",
        "manifestVersion": VERSION,
        "version": "1.0.0",
        "id": app_id.lower(),
        "developer": {"name": "Pointman", "websiteUrl": url, "privacyUrl": url, "termsOfUseUrl": url},
        "name": {"short": "Pointman", "full": "Pointman, the point of contact of an incident"},
        "description": {
            "short": "Tells people about incidents, and hears what they do about them.",
            "full": "Pointman posts a card for each incident into the channels that your rules name, keeps it up to "
            "date, calls people in turn until somebody acknowledges, and takes commands: mention it, or write to it.",
        },
        "icons": {"color": "color.png", "outline": "outline.png"},
        "accentColor": ACCENT,
        "bots": [
            {
                "botId": app_id.lower(),
                "scopes": ["personal", "team"],
                "supportsFiles": False,
                "isNotificationOnly": False,
                "commandLists": [
                    {
                        "scopes": ["personal", "team"],
                        "commands": [{"title": verb, "description": said} for verb, said in COMMANDS.items()],
                    }
                ],
            }
        ],
        "permissions": ["identity", "messageTeamMembers"],
        "validDomains": [],
    }
    if rooms:
        wanted = [{"name": name, "type": "Application"} for name in ROOMS]
        made["webApplicationInfo"] = {"id": app_id.lower(), "resource": "https://RscBasedStoreApp"}
        made["authorization"] = {"permissions": {"resourceSpecific": wanted}}
    if mistakes := list(wrong(made)):
        raise ValueError("; ".join(mistakes))
    return made


def wrong(made: Json) -> Iterator[str]:
    """Why Teams would refuse a manifest, as its documentation tells the limits."""
    for path, limit in _LIMITS:
        said = made[path[0]][path[1]]
        if not 0 < len(said) <= limit:
            yield f"{'.'.join(path)} has {len(said)} characters, of at most {limit}"
    for which in ("websiteUrl", "privacyUrl", "termsOfUseUrl"):
        if not made["developer"][which].startswith("https://"):
            yield f"developer.{which} does not begin with https://"
    if not re.fullmatch(r"#[0-9A-Fa-f]{6}", made["accentColor"]):
        yield "accentColor is no colour"
    for listed in made["bots"][0]["commandLists"]:
        if len(listed["commands"]) > 10:
            yield "a list has more than ten commands"
        for command in listed["commands"]:
            if len(command["title"]) > 32 or len(command["description"]) > 128:
                yield f"the command {command['title']} is told too long"


def packed(made: Json) -> bytes:
    """The package: the same bytes for the same manifest."""
    files = {
        "manifest.json": json.dumps(made, indent=2).encode(),
        "color.png": png(192, _colour),
        "outline.png": png(32, _outline),
    }
    out = BytesIO()
    with ZipFile(out, "w", ZIP_DEFLATED) as package:
        for name, content in files.items():
            package.writestr(ZipInfo(name, (2026, 1, 1, 0, 0, 0)), content, ZIP_DEFLATED)
    return out.getvalue()


# ---- icons


def png(side: int, paint: Paint) -> bytes:
    """A square picture, painted point by point, from -1 to 1 in both directions (PNG, 8 bits, RGBA)."""
    rows = bytearray()
    for y in range(side):
        rows.append(0)
        for x in range(side):
            rows += bytes(paint((2 * x + 1) / side - 1, (2 * y + 1) / side - 1))
    head = struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", head)
        + _chunk(b"IDAT", zlib.compress(bytes(rows), 9))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _is_pointer(x: float, y: float) -> bool:
    """A pin: a ring with a point below."""
    round_ = x * x + (y + 0.2) ** 2
    ring = 0.04 < round_ < 0.2
    return ring or (0.15 < y < 0.75 and abs(x) < (0.75 - y) * 0.48)


def _colour(x: float, y: float) -> tuple[int, int, int, int]:
    red, green, blue = (int(ACCENT[n : n + 2], 16) for n in (1, 3, 5))
    return (255, 255, 255, 255) if _is_pointer(x, y) else (red, green, blue, 255)


def _outline(x: float, y: float) -> tuple[int, int, int, int]:
    return (255, 255, 255, 255 if _is_pointer(x, y) else 0)
