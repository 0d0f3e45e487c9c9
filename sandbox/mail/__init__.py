"""E-mail in a box: mailboxes as plain data, real SMTP and IMAP and Graph's face of both on loopback, and people."""

from sandbox.mail.people import Correspondents
from sandbox.mail.serve import MailSandbox
from sandbox.mail.state import Hitch, MailState
from sandbox.mail.world import Mail, Mailbox, Part, Thread

__all__ = ["Correspondents", "Hitch", "Mail", "MailSandbox", "MailState", "Mailbox", "Part", "Thread"]
