"""The IMAP face: as much of IMAP4rev1 (RFC 3501) as a client needs that reads its mail and marks it.

CAPABILITY, NOOP, LOGIN, LIST, SELECT, EXAMINE, UID SEARCH, UID FETCH, UID STORE, UID MOVE (RFC 6851), STARTTLS and
LOGOUT. What it cannot read is answered BAD, what it will not do NO, as a server does.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Iterable

from sandbox.mail.state import MailState
from sandbox.mail.world import Mail

CAPABILITIES = "IMAP4rev1 LITERAL+ MOVE UIDPLUS"
LARGEST = 1 << 20
_TOKEN = re.compile(rb'"((?:[^"\\]|\\.)*)"|(\([^()]*\))|([^\s"()]+(?:\[[^\]]*\])?)')
_PARTIAL = re.compile(r"<0\.(\d+)>")
_LITERAL = re.compile(rb"\{(\d+)(\+?)\}\r?\n$")


class Conversation:
    """One connection: who is signed in, and which folder is open."""

    def __init__(self, state: MailState, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._state, self._reader, self._writer = state, reader, writer
        self.tls: ssl.SSLContext | None = None
        self._user = ""
        self._folder = ""
        self._readonly = False

    async def run(self) -> None:
        """Talk until one of both hangs up."""
        self._line("* OK sandbox ready")
        try:
            while (words := await self._command()) is not None:
                tag, verb, *arguments = words
                self._state.talk.append(f"IMAP {verb.upper()} {' '.join(arguments[:1]).upper()}".strip())
                if not await self._hindered(tag, verb.upper(), arguments):
                    await self._answer(tag, verb.upper(), arguments)
                if verb.upper() == "LOGOUT":
                    break
                await self._writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            self._writer.close()

    async def _command(self) -> list[str] | None:
        """The next command as words, literals put into their places; None at the end. Quotes are taken off."""
        words: list[str] = []
        while True:
            line = await self._reader.readline()
            if not line:
                return None
            literal = _LITERAL.search(line)
            told = line[: literal.start()] if literal else line.rstrip(b"\r\n")
            words += [_word(found) for found in _TOKEN.finditer(told)]
            if literal is None:
                return words if len(words) > 1 else [*(words or ["*"]), "NONSENSE"]
            if not literal[2]:
                self._line("+ go on")
                await self._writer.drain()
            words.append((await self._reader.readexactly(min(int(literal[1]), LARGEST))).decode("utf-8", "replace"))

    async def _hindered(self, tag: str, verb: str, arguments: list[str]) -> bool:
        hitch = self._state.hit("imap", verb, *(f"{verb} {word}" for word in arguments[:1]))
        if hitch is None:
            return False
        if hitch.done:
            await self._answer(tag, verb, arguments)
        if hitch.wait:
            await asyncio.sleep(hitch.wait)
        if hitch.drop:
            self._writer.transport.abort()
            return True
        if hitch.answer:
            self._line(f"{tag} {hitch.answer}")
        return bool(hitch.answer) or hitch.done

    async def _answer(self, tag: str, verb: str, arguments: list[str]) -> None:
        if verb == "CAPABILITY":
            more = " STARTTLS" if self.tls is not None else ""
            self._line(f"* CAPABILITY {CAPABILITIES}{more}", f"{tag} OK done")
        elif verb == "STARTTLS" and self.tls is not None:
            self._line(f"{tag} OK begin")
            await self._writer.drain()
            await self._writer.start_tls(self.tls)
        elif verb in {"NOOP", "LOGOUT"}:
            self._line(*(["* BYE"] if verb == "LOGOUT" else []), f"{tag} OK done")
        elif verb == "LOGIN" and len(arguments) == 2:
            self._login(tag, *arguments)
        elif not self._user:
            self._line(f"{tag} NO sign in first")
        elif verb in {"SELECT", "EXAMINE"} and arguments:
            self._select(tag, arguments[0], readonly=verb == "EXAMINE")
        elif verb == "LIST" and len(arguments) == 2:
            pattern = arguments[1].lower()
            names = [name for name in self._folders() if pattern in {"*", "%", name.lower()}]
            self._line(*(f'* LIST (\\HasNoChildren) "/" "{name}"' for name in names), f"{tag} OK done")
        elif verb == "UID" and arguments and self._folder:
            self._by_uid(tag, arguments[0].upper(), arguments[1:])
        else:
            self._line(f"{tag} BAD {verb} is not understood here")

    def _login(self, tag: str, user: str, password: str) -> None:
        if self._state.signs_in(user, password):
            self._user = user.lower()
            self._line(f"{tag} OK [CAPABILITY {CAPABILITIES}] signed in")
        else:
            self._line(f"{tag} NO [AUTHENTICATIONFAILED] wrong user or password")

    def _folders(self) -> list[str]:
        box = self._state.mailbox(self._user)
        return list(dict.fromkeys(("INBOX", "Sent", "Done", *(mail.folder for mail in box.mails))))

    def _select(self, tag: str, name: str, *, readonly: bool) -> None:
        found = next((folder for folder in self._folders() if folder.lower() == name.lower()), None)
        if found is None:
            self._line(f"{tag} NO [NONEXISTENT] there is no folder {name}")
            return
        self._folder, self._readonly = found, readonly
        mails = self._mails()
        self._line(
            "* FLAGS (\\Seen)",
            f"* {len(mails)} EXISTS",
            "* OK [UIDVALIDITY 1]",
            f"* OK [UIDNEXT {max((mail.uid for mail in mails), default=0) + 1}]",
            f"{tag} OK [READ-{'ONLY' if readonly else 'WRITE'}] done",
        )

    def _by_uid(self, tag: str, verb: str, arguments: list[str]) -> None:
        if verb == "SEARCH":
            wants = {word.upper() for word in arguments}
            found = [mail for mail in self._mails() if "UNSEEN" not in wants or not mail.seen]
            self._line(" ".join(("* SEARCH", *(str(mail.uid) for mail in found))), f"{tag} OK done")
        elif verb == "FETCH" and len(arguments) > 1:
            self._fetch(arguments[0], arguments[1].upper())
            self._line(f"{tag} OK done")
        elif verb in {"STORE", "MOVE"} and self._readonly:
            self._line(f"{tag} NO the folder is open for reading only")
        elif verb == "STORE" and len(arguments) > 2:
            for _, mail in self._picked(arguments[0]):
                mail.seen = mail.seen or "\\seen" in arguments[2].lower()
            self._line(f"{tag} OK done")
        elif verb == "MOVE" and len(arguments) > 1:
            self._move(tag, *arguments[:2])
        else:
            self._line(f"{tag} BAD UID {verb} is not understood here")

    def _fetch(self, uids: str, wanted: str) -> None:
        """The mails, or their first bytes; only a body that is not peeked at marks them as read."""
        part = _PARTIAL.search(wanted)
        for number, mail in self._picked(uids):
            mail.seen = mail.seen or "BODY[" in wanted
            flags = "\\Seen" if mail.seen else ""
            head = f"* {number} FETCH (UID {mail.uid} RFC822.SIZE {len(mail.raw)} FLAGS ({flags})"
            if "BODY" not in wanted:
                self._line(f"{head})")
                continue
            raw = mail.raw[: int(part[1])] if part is not None else mail.raw
            self._line(f"{head} BODY[]{'<0>' if part is not None else ''} {{{len(raw)}}}")
            self._writer.write(raw + b")\r\n")

    def _move(self, tag: str, uids: str, folder: str) -> None:
        if folder.lower() not in {name.lower() for name in self._folders()}:
            self._line(f"{tag} NO [TRYCREATE] there is no folder {folder}")
            return
        for number, mail in reversed(list(self._picked(uids))):
            mail.folder = folder
            self._line(f"* {number} EXPUNGE")
        self._line(f"{tag} OK done")

    def _mails(self) -> list[Mail]:
        with self._state.lock:
            return self._state.mailbox(self._user).folder(self._folder)

    def _picked(self, uids: str) -> Iterable[tuple[int, Mail]]:
        """The mails of the open folder with these UIDs (`1,4:6`), each with its place in it."""
        ranges = [part.partition(":") for part in uids.split(",")]
        spans = [(int(first), LARGEST if last == "*" else int(last or first)) for first, _, last in ranges]
        mails = enumerate(self._mails(), 1)
        return [(number, mail) for number, mail in mails if any(a <= mail.uid <= b for a, b in spans)]

    def _line(self, *lines: str) -> None:
        self._writer.write("".join(f"{line}\r\n" for line in lines).encode())


def _word(found: re.Match[bytes]) -> str:
    if found[1] is not None:
        return re.sub(rb"\\(.)", rb"\1", found[1]).decode("utf-8", "replace")
    return (found[2] or found[3]).decode("utf-8", "replace")
