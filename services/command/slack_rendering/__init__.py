"""Slack messages as HTML: what a person would see in Slack, from the real blocks, safely escaped."""

from services.command.slack_rendering.channel import channel_html
from services.command.slack_rendering.mrkdwn import mrkdwn, plain_text

__all__ = ["channel_html", "mrkdwn", "plain_text"]
