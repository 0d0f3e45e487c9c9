"""Markdown as Jira's wiki text, and back: the form of rich text on Jira Data Center.

What is written escapes every sign of the language with a backslash (a backslash itself is an entity, since two of
them are a new line). What is read back faithfully is what we write and what people commonly type; the rest stays text.
Source: Atlassian's page "Text Formatting Notation Help".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from markdown_it.tree import SyntaxTreeNode

from connectors.markup import inert, parse, words

_SIGNS = re.compile(r"[\\*_?\-+^~{}\[\]|!#&]")
_LINE = re.compile(r"^(h[1-6]\.|bq\.)")


def to_wiki(text: str) -> str:
    """The wiki text of a Markdown text. Never raises."""
    return "\n\n".join(_blocks(parse(text).children))


def _blocks(nodes: Iterable[SyntaxTreeNode], *, quoted: bool = False) -> Iterator[str]:
    for node in nodes:
        if node.type == "heading":
            yield f"h{node.tag[1]}. {_inline(node)}"
        elif node.type in {"bullet_list", "ordered_list"}:
            yield "\n".join(_items(node, ""))
        elif node.type in {"fence", "code_block"}:
            yield _code(node)
        elif node.type == "blockquote" and quoted:  # a quote cannot hold a quote
            yield from _blocks(node.children, quoted=True)
        elif node.type == "blockquote":
            yield "{quote}\n" + "\n\n".join(_blocks(node.children, quoted=True)) + "\n{quote}"
        elif node.type == "hr":
            yield "----"
        elif node.type == "table":
            yield "\n".join(_rows(node))
        elif node.type == "paragraph":
            yield _inline(node)


def _code(node: SyntaxTreeNode) -> str:
    """A block of code; one that would close itself is shown as unformatted text, or broken up."""
    language = (node.info or "").split()
    code = node.content.rstrip("\n").replace("{code}", "{ code}").replace("{noformat}", "{ noformat}")
    return f"{{code{':' + language[0] if language and language[0].isalnum() else ''}}}\n{code}\n{{code}}"


def _items(node: SyntaxTreeNode, above: str) -> Iterator[str]:
    marks = above + ("#" if node.type == "ordered_list" else "*")
    for item in node.children:
        yield f"{marks} " + "\\\\ ".join(line for child in item.children for line in _within(child))
        for child in item.children:
            if child.type in {"bullet_list", "ordered_list"}:
                yield from _items(child, marks)


def _within(node: SyntaxTreeNode) -> Iterator[str]:
    """The lines of a block within a list item, which ends with its line: headings and quotes are only text there."""
    if node.type == "paragraph":
        yield from _inline(node).split("\n")
    elif node.type == "heading":
        yield f"{{*}}{_inline(node)}{{*}}"
    elif node.type in {"fence", "code_block"}:
        yield from ("{{" + _typed(line) + "}}" for line in node.content.rstrip("\n").split("\n") if line.strip())
    elif node.type == "table":
        yield from (
            " \\| ".join(_inline(cell) for cell in row.children) for part in node.children for row in part.children
        )
    elif node.type == "blockquote":
        yield from (line for child in node.children for line in _within(child))


def _rows(node: SyntaxTreeNode) -> Iterator[str]:
    for part in node.children:
        for row in part.children:
            wall = "||" if part.type == "thead" else "|"
            cells = [_inline(cell).replace("\n", " ") or " " for cell in row.children]
            yield wall + wall.join(cells) + wall


def _inline(node: SyntaxTreeNode) -> str:
    lines = "".join(_run(child) for child in node.children).split("\n")
    return "\n".join(_LINE.sub(lambda found: f"{found[0][:-1]}&#46;", line) for line in lines)


def _run(node: SyntaxTreeNode) -> str:
    if node.type == "text":
        return _typed(node.content)
    if node.type in {"softbreak", "hardbreak"}:
        return "\n"
    if node.type == "code_inline":
        return "{{" + _typed(node.content) + "}}"
    inner = "".join(_run(child) for child in node.children)
    if node.type == "link":
        return _link(inner, str(node.attrs.get("href", "")))
    if node.type == "image":
        return _link(_typed(words(node)), str(node.attrs.get("src", "")))
    sign = {"strong": "*", "em": "_", "s": "-"}.get(node.type, "")
    return f"{{{sign}}}{inner}{{{sign}}}" if sign and inner.strip() else inner


def _link(said: str, href: str) -> str:
    address = href.replace("|", "%7C").replace("]", "%5D").replace(" ", "%20")
    return f"[{said}|{address}]" if re.match(r"(?:https?|mailto|ftp):", address, re.IGNORECASE) else said


def _typed(text: str) -> str:
    return _SIGNS.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    return {"\\": "&#92;", "&": "&amp;", "!": "\\!"}.get(found[0], "\\" + found[0])


# ---- wiki -> Markdown

_TOKEN = re.compile(
    r"""\\\\(?:[ ]|$)?                                       # a new line
      | \\(?P<escaped>[^a-zA-Z0-9\s])
      | &(?P<entity>\#\d+|amp|lt|gt|quot|nbsp);
      | \{\{(?P<mono>.+?)\}\}
      | \[(?:(?P<said>(?:\\.|[^\]|\\])+)\|)?(?P<href>(?:https?|mailto|ftp):[^\]|\s]+)(?:\|[^\]]*)?\]
      | \{color(?::[^}]*)?\}
      | \{(?P<braced>[*_-])\}(?P<marked>.+?)\{(?P=braced)\}
      | (?<![\w\\])(?P<sign>[*_])(?=\S)(?P<plain>(?:\\.|[^\n\\])+?)(?<=\S)(?P=sign)(?!\w)
      | !(?P<image>https?://[^!\s|]+)(?:\|[^!]*)?!
    """,
    re.VERBOSE,
)
_ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "nbsp": " "}
_MARKS = {"*": "**", "_": "*", "-": "~~"}
_ITEM = re.compile(r"^\s*([*#]+|-)\s+(.*)$")
_HEADING = re.compile(r"^h([1-6])\.\s*(.*)$")
_ROW = re.compile(r"^(\|\|?)(.*?[^\\|])\1\s*$")
_FENCE = re.compile(r"^\s*\{(code|noformat)(?::([^}]*))?\}(.*)$")


def from_wiki(text: str, *, faithful: bool = True) -> str:
    """Wiki text as Markdown. Never raises.

    `faithful` Markdown is escaped and becomes the same wiki text again (comments); otherwise text stays as it was
    typed (descriptions, which rules search for words).
    """
    out: list[str] = []
    lines = iter(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    quoted = False
    for line in lines:
        if line.strip() == "{quote}":
            quoted = not quoted
            continue
        fence = _FENCE.match(line)
        said = list(_fenced(fence, lines)) if fence else _line(line, faithful).split("\n")
        out += [f"> {one}".rstrip() for one in said] if quoted else said
    return "\n".join(out).strip()


def _fenced(opening: re.Match[str], lines: Iterator[str]) -> Iterator[str]:
    """A block of code up to where it is closed, or to the end."""
    closing = "{" + opening[1] + "}"
    language = (opening[2] or "").split("|")[0]
    code: list[str] = []
    rest: str | None = opening[3]
    while rest is not None and closing not in rest:
        code.append(rest)
        rest = next(lines, None)
    code.append(rest.partition(closing)[0] if rest is not None else "")
    kept = "\n".join(code).strip("\n").split("\n")
    fence = "`" * max(3, 1 + max((len(run) for line in kept for run in re.findall(r"`+", line)), default=0))
    yield from (fence + (language if language.isalnum() else ""), *kept, fence)


def _line(line: str, faithful: bool) -> str:
    if re.fullmatch(r"\s*-{4,}\s*", line):
        return "---"
    heading = _HEADING.match(line)
    if heading:
        return f"{'#' * int(heading[1])} {_read(heading[2], faithful)}"
    if line.startswith("bq. "):
        return f"> {_read(line[4:], faithful)}"
    row = _ROW.match(line)
    if row:
        return _row(row[1], row[2], faithful)
    item = _ITEM.match(line)
    if item:
        indent = "  " * (len(item[1]) - 1) if item[1][-1] != "#" else "   " * (len(item[1]) - 1)
        return f"{indent}{'1.' if item[1][-1] == '#' else '-'} {_read(item[2], faithful)}"
    return _read(line, faithful)


def _row(wall: str, cells: str, faithful: bool) -> str:
    """A row of a table; under the header goes the line that makes it one in Markdown."""
    told = [_read(cell.strip(), faithful) for cell in re.split(r"(?<!\\)" + re.escape(wall), cells)]
    row = f"| {' | '.join(told)} |"
    return f"{row}\n|{'---|' * len(told)}" if wall == "||" else row


def _read(text: str, faithful: bool) -> str:
    """The runs of a line. Text is escaped, or left as it is; what is within marks is read in turn."""
    plain = inert if faithful else str
    out: list[str] = []
    typed = ""
    at = 0
    for found in _TOKEN.finditer(text):
        typed += text[at : found.start()]
        at = found.end()
        literal = _literal(found)
        if literal is not None:
            typed += literal
            continue
        out.append(plain(typed))
        typed = ""
        out.append(_token(found, faithful))
    out.append(plain(typed + text[at:]))
    return "".join(out)


def _literal(found: re.Match[str]) -> str | None:
    """What stands for a single character, which joins the text around it; None for everything else."""
    if found["escaped"]:
        return found["escaped"]
    entity = found["entity"]
    if entity:
        code = int(entity[1:]) if entity[0] == "#" else 0
        return chr(code) if 0 < code < 0x110000 else _ENTITIES.get(entity, found[0])
    return None


def _token(found: re.Match[str], faithful: bool) -> str:
    if found["mono"]:
        return f"`{_bare(found['mono'])}`"
    if found["href"]:
        said = _read(found["said"], faithful) if found["said"] else ""
        return f"[{said}]({found['href']})" if said else f"<{found['href']}>" if faithful else found["href"]
    if found["marked"] or found["plain"]:
        sign = _MARKS[found["braced"] or found["sign"]]
        return f"{sign}{_read(found['marked'] or found['plain'], faithful)}{sign}"
    if found["image"]:
        return f"![]({found['image']})"
    return ("\\\n" if faithful else "\n") if found[0].startswith("\\\\") else ""


def _bare(text: str) -> str:
    return _TOKEN.sub(lambda found: _literal(found) or found[0], text)
