"""A reply and the post it answers, as one text to read. Pure.

A reply is judged by its own words. The post it answers can only take a flag back: "Garlic cures it" is something else under "Tell me the
silliest cure you have heard". It never adds one, or whoever comforts below a myth would be flagged for the myth.
"""

from __future__ import annotations

MOST_PARENT = 400
"""Characters of the post that is answered, which is enough to see what it asks or claims."""


def together(parent: str, reply: str) -> str:
    """The reply below the words that it answers, quoted as people quote."""
    quoted = " ".join(parent.split())
    if len(quoted) > MOST_PARENT:
        quoted = quoted[: MOST_PARENT - 1].rstrip() + "…"
    return f"“{quoted}”\n\n{reply}"
