"""Is a text an address that a message can be sent to. Pure."""

from __future__ import annotations

from email.errors import MessageError
from email.headerregistry import Address


def is_mail_address(text: str) -> bool:
    """A bare address in ASCII, such as anna@hospital.example: no name, no angle brackets."""
    try:
        known = Address(addr_spec=text).domain
    except (MessageError, ValueError, IndexError):  # all are how the parser says no
        return False
    return bool(known) and text.isascii() and text.isprintable() and " " not in text
