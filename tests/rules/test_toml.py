"""Positions of keys and values, and of places inside strings."""

from __future__ import annotations

import time
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.problems import Where
from rules import toml
from rules.toml import Document, Node


def read(text: str) -> Node:
    return toml.read("a.toml", text)


def spoken(where: Where) -> str:
    """What is underlined."""
    return where.source[where.column - 1 : where.column - 1 + where.length]


def at(text: str, *path: str | int) -> Node:
    node = read(text)
    for part in path:
        node = node.value[part]
    return node


@pytest.mark.parametrize(
    ("text", "path", "key", "value", "why"),
    [
        ("a = 1 # why", ["a"], "a", "1", "a comment behind is not the value"),
        ("[t]\na.b = 'x'", ["t", "a", "b"], "b", "'x'", "dotted keys"),
        ("[t]\na.b = 'x'", ["t", "a"], "a", "a", "a table made by a dotted key stands where its name does"),
        ('"a b".c = 1', ["a b", "c"], "c", "1", "quoted keys"),
        ("[t.'x.y']\nz = 1", ["t", "x.y"], "'x.y'", "[t.'x.y']", "a table stands at its header"),
        ("[[r]]\nid = 1\n[[r]]\nid = 2", ["r", 1, "id"], "id", "2", "the second of many tables"),
        ("[[r]]\n[r.t]\nx = 1\n[[r]]\n[r.t]\nx = 2", ["r", 1, "t", "x"], "x", "2", "a table in the second of many"),
        ("[[r]]\n[[r.s]]\nx = 1\n[[r.s]]\nx = 2", ["r", 0, "s", 1, "x"], "x", "2", "many tables in many"),
        ("l = [1, # one\n 2]", ["l", 1], "2", "2", "a comment in a list"),
        ("l = [{ a = 1 }, { a = [true] }]", ["l", 1, "a", 0], "true", "true", "tables and lists in each other"),
        ("'ä' = 'ö'", ["ä"], "'ä'", "'ö'", "letters that are two bytes"),
    ],
)
def test_every_key_and_value_knows_where_it_stands(
    text: str, path: list[str | int], key: str, value: str, why: str
) -> None:
    node = at(text, *path)
    assert (spoken(node.key), spoken(node.where)) == (key, value), why


def test_columns_count_characters_and_lines_end_as_windows_writes_them() -> None:
    node = at("# ä\r\nname = 'Käufer' # ö\r\nl = ['ü', 'x']\r\n", "l", 1)
    assert str(node.where) == "a.toml:3:11"


def test_what_runs_over_the_end_of_a_line_is_underlined_as_far_as_there() -> None:
    node = at('a = """x\ny"""', "a")
    assert spoken(node.where) == '"""x'


def test_a_mark_of_the_byte_order_is_passed_over() -> None:
    assert str(at("\ufeffa = 1", "a").where) == "a.toml:1:5"


@pytest.mark.parametrize(
    ("written", "word", "line", "column"),
    [
        (r'a = "b\tc \"d\" wrong"', "wrong", 1, 17),
        (r'a = "caf\u00e9 \U0001F600 wrong"', "wrong", 1, 27),
        ("a = 'b\\c wrong'", "wrong", 1, 10),
        ('a = """\nb\n wrong"""', "wrong", 3, 2),
        ('a = """b \\\n\n   wrong"""', "wrong", 3, 4),
        ("a = '''\nb\nwrong'''", "wrong", 3, 1),
    ],
)
def test_a_place_inside_a_string_is_found_through_its_escapes(written: str, word: str, line: int, column: int) -> None:
    node = at(written, "a")
    where = node.inside(node.value.index(word), len(word))
    assert (where.line, where.column, spoken(where)) == (line, column, word)


def test_behind_the_end_of_a_string_stands_its_last_quote() -> None:
    assert str(at("a = 'bc'", "a").inside(9, 3)) == "a.toml:1:8"


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=20))
def test_every_character_of_a_string_is_found_where_it_is_written(text: str) -> None:
    escaped = "".join(f"\\U{ord(c):08x}" if i % 2 or c in '"\\' else c for i, c in enumerate(text))
    node = at(f'a = "{escaped}"', "a")
    assert node.value == text
    for offset, character in enumerate(text):
        written = spoken(node.inside(offset, 1))
        assert tomllib.loads(f'a = "{written}"') == {"a": character}


def test_a_key_without_quotes_has_no_inside() -> None:
    node = at("abc = 1", "abc")
    name = Node("abc", node.document)
    name.start, name.end = node.key_start, node.key_end
    assert spoken(name.inside(1, 1)) == "abc"


def test_what_has_no_place_is_told_with_its_file_only() -> None:
    node = Node("x", Document("a.toml", ""))
    assert {str(node.where), str(node.key), str(node.inside(0, 1)), str(node.said)} == {"a.toml"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = 1\na = 2\n", "a.toml:2:1  not TOML: cannot overwrite a value; is the same key there twice?"),
        ("[t]\n[t]\n", "a.toml:2:3  not TOML: cannot declare [t] twice; is the same table there twice?"),
        ("a = [1,\n", "a.toml:1:7  not TOML: invalid value; the file ends here: is a ] or a quote missing?"),
        ("a = '''b", "a.toml:1:8  not TOML: expected \"'''\"; the file ends here: is a ] or a quote missing?"),
        (
            "a : 1",
            (
                "a.toml:1:3  not TOML: expected '=' after a key in a key/value pair; "
                "a line is `key = value`, a table `[name]`"
            ),
        ),
        (
            'a = "\\d"',
            (
                "a.toml:1:6  not TOML: unescaped '\\' in a string; "
                "in \"…\" a backslash is written \\\\; in '…' it stands for itself"
            ),
        ),
    ],
)
def test_what_is_no_toml_is_told_with_its_place_and_a_hint(text: str, said: str) -> None:
    with pytest.raises(toml.Mistaken) as caught:
        read(text)
    assert str(caught.value).split("\n")[0] == said


def test_what_is_not_utf_8_is_told_with_its_place() -> None:
    with pytest.raises(toml.Mistaken) as caught:
        toml.decode("a.toml", "a = 1\nä = 'x\xff'".encode("latin-1").replace(b"\xe4", "ä".encode()))
    assert str(caught.value).split("\n")[0] == "a.toml:2:7  this is not UTF-8; save the file as UTF-8"
    assert toml.decode("a.toml", b"\xef\xbb\xbfa = 1") == "a = 1"


def test_what_only_one_of_the_two_parsers_reads_has_no_place_and_is_read_all_the_same() -> None:
    document = Document("a.toml", "")
    root = Node({"a": 1, "t": {"x": 1}, "r": [{"x": 1}]}, document)
    other = toml._parser().parse(b"a.b = 1\n[t.y]\nx = 1\n[[r]]\n[[r]]\nx = 1\n[r.z]\n[a.c]\n").root_node
    toml._Placing().file(other, root)
    assert root.value["t"].value["x"].start == -1


@pytest.mark.parametrize("deep", [500, 1_500])
@pytest.mark.parametrize(("opens", "closes"), [("[", "]"), ("{a=", "}"), ("[[[", "]]]")])
def test_what_is_nested_too_deeply_is_told_where_it_stands(deep: int, opens: str, closes: str) -> None:
    text = f"a = 1\nb = {opens * deep}{'1' if closes == '}' else ''}{closes * deep}\n"
    with pytest.raises(toml.Mistaken, match=r"r.toml:2:1  not TOML that can be read: nested too deeply"):
        toml.read("r.toml", text)


def test_a_table_of_many_rows_on_one_line_is_read_in_its_length() -> None:
    rows = ", ".join(f'["Größe {number}", "high"]' for number in range(8_000))
    began = time.process_time()
    found = toml.read("a.toml", f"table = [{rows}]").value["table"].value
    places = [row.where for row in found]
    assert time.process_time() - began < 5, "it was 47 s when each place read the line anew"
    assert places[-1].column == f"table = [{rows}]".index('["Größe 7999"') + 1
    assert {place.line for place in places} == {1}


def test_the_grammar_is_loaded_once_when_the_first_file_is_read() -> None:
    toml._parser.cache_clear()
    read("a = 1")
    read("b = 2")
    assert toml._parser.cache_info().misses == 1
