"""What people received, as they would see it: a local Slack and a local mailbox behind one page.

`python -m services.command.local_messages` runs it as a process of its own; `start_local_messages` on the running loop.
"""

from services.command.local_messages.running import LocalMessages, start_local_messages

__all__ = ["LocalMessages", "start_local_messages"]
