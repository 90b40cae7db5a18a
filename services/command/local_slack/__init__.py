"""A local server that speaks Slack's Web API, limits, interactions and faults, for the demo and the tests.

Slack itself can't be had offline; what a client sends and receives here is what it would send to and receive from slack.com.
"""

from services.command.local_slack.faults import Fault, FaultKind
from services.command.local_slack.server import LocalSlack, local_slack
from services.command.local_slack.workspace import Message, Revision

__all__ = ["Fault", "FaultKind", "LocalSlack", "Message", "Revision", "local_slack"]
