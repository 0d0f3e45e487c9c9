"""The app package for Teams: what an administrator uploads is what Teams takes."""

import json
import struct
import zlib
from io import BytesIO
from zipfile import ZipFile

import pytest

from connectors.setup import Order
from connectors.teams.package import manifest, packed, png, wrong
from tests.connectors.teams_tenant import tenant

APP = "5710acff-f313-453f-8b75-44fff54bab14"
URL = "https://pointman.example.org"


def pixels(content):
    """Width, height and the points of a picture, read back."""
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, {}
    while at < len(content):
        length, kind = struct.unpack(">I4s", content[at : at + 8])
        data = content[at + 8 : at + 8 + length]
        assert struct.unpack(">I", content[at + 8 + length : at + 12 + length])[0] == zlib.crc32(kind + data)
        chunks[kind] = data
        at += 12 + length
    width, height, depth, colour = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert (depth, colour) == (8, 6)
    raw = zlib.decompress(chunks[b"IDAT"])
    assert len(raw) == height * (1 + 4 * width)
    rows = [raw[y * (1 + 4 * width) + 1 : (y + 1) * (1 + 4 * width)] for y in range(height)]
    return width, height, {bytes(row[x * 4 : x * 4 + 4]) for row in rows for x in range(width)}


@pytest.fixture(scope="module")
def package():
    return ZipFile(BytesIO(packed(manifest(APP, URL))))


def test_the_package_holds_a_manifest_and_two_icons(package):
    assert package.namelist() == ["manifest.json", "color.png", "outline.png"]
    told = json.loads(package.read("manifest.json"))
    assert (told["manifestVersion"], told["id"], told["bots"][0]["botId"]) == ("1.16", APP, APP)
    assert told["bots"][0]["scopes"] == ["personal", "team"]
    assert told["icons"] == {"color": "color.png", "outline": "outline.png"}


def test_it_asks_for_no_more_than_it_needs(package):
    told = json.loads(package.read("manifest.json"))
    assert "authorization" not in told
    told = manifest(APP, URL, rooms=True)
    granted = [one["name"] for one in told["authorization"]["permissions"]["resourceSpecific"]]
    assert granted == ["Channel.Create.Group", "ChannelSettings.ReadWrite.Group"]
    assert told["webApplicationInfo"]["id"] == APP


def test_the_icons_have_the_sizes_and_colours_that_teams_asks_for(package):
    width, height, colours = pixels(package.read("color.png"))
    assert (width, height) == (192, 192)
    assert {colour[3] for colour in colours} == {255}
    assert len(colours) == 2
    width, height, colours = pixels(package.read("outline.png"))
    assert (width, height) == (32, 32)
    assert colours == {b"\xff\xff\xff\xff", b"\xff\xff\xff\x00"}, "white and nothing"


def test_the_same_manifest_makes_the_same_package():
    assert packed(manifest(APP, URL)) == packed(manifest(APP, URL))


def test_a_manifest_that_teams_would_refuse_is_told_here():
    made = manifest(APP, URL)
    made["name"]["short"] = "x" * 31
    made["developer"]["websiteUrl"] = "http://x"
    made["accentColor"] = "blue"
    made["bots"][0]["commandLists"][0]["commands"] = [{"title": "x" * 33, "description": "d"}] * 11
    assert len(set(wrong(made))) == 5
    with pytest.raises(ValueError, match="does not begin with https"):
        manifest(APP, "http://pointman.example.org")


def test_setting_up_writes_the_package_and_says_what_is_left_to_an_administrator():
    with tenant() as at:
        steps = list(at.teams.install(Order(URL)))
        assert [(step.what, step.state) for step in steps] == [
            ("the app registration", "there"),
            ("the bot", "todo"),
            ("the app package", "made"),
            ("the app in Teams", "todo"),
        ]
        assert f"{URL}/hooks/msteams" in steps[1].said
        assert steps[2].file == "msteams.zip"
        assert ZipFile(BytesIO(steps[2].content)).testzip() is None
        assert [s.state for s in at.teams.install(Order(URL, dry=True))] == ["there", "todo", "would", "todo"]
        assert [s.state for s in at.teams.install(Order())] == ["there", "todo"], "a bot needs a public address"
        assert next(iter(at.again(secret="wrong").install(Order(URL)))).state == "refused"


def test_a_picture_is_painted_point_by_point():
    width, height, colours = pixels(png(2, lambda x, y: (255 if x > 0 else 0, 255 if y > 0 else 0, 0, 255)))
    assert (width, height, len(colours)) == (2, 2, 4)
