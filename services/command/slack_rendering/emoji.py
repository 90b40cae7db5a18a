"""Slack's emoji names that alerts use; a name that is not here is shown as Slack shows an unknown one, `:name:`."""

from __future__ import annotations

EMOJI = {
    "+1": "👍", "-1": "👎", "alarm_clock": "⏰", "ambulance": "🚑", "arrow_down": "⬇️", "arrow_right": "➡️", "arrow_up": "⬆️",
    "arrow_upper_right": "↗️", "ballot_box_with_check": "☑️", "bar_chart": "📊", "bell": "🔔", "no_bell": "🔕", "black_circle": "⚫",
    "blue_circle": "🔵", "large_blue_circle": "🔵", "book": "📖", "books": "📚", "bulb": "💡", "calendar": "📆", "chart": "💹",
    "chart_with_downwards_trend": "📉", "chart_with_upwards_trend": "📈", "clipboard": "📋", "clock1": "🕐", "closed_lock_with_key": "🔐",
    "email": "📧", "exclamation": "❗", "eye": "👁️", "eyes": "👀", "fire": "🔥", "globe_with_meridians": "🌐", "grey_question": "❔",
    "hammer_and_wrench": "🛠️", "heavy_check_mark": "✔️", "hospital": "🏥", "hourglass": "⌛", "information_source": "ℹ️",
    "large_green_circle": "🟢", "large_orange_circle": "🟠", "large_yellow_circle": "🟡", "link": "🔗", "lock": "🔒", "loudspeaker": "📢",
    "mag": "🔍", "mega": "📣", "memo": "📝", "microscope": "🔬", "mute": "🔇", "no_entry": "⛔", "no_entry_sign": "🚫", "ok": "🆗",
    "ok_hand": "👌", "page_facing_up": "📄", "pencil": "📝", "pencil2": "✏️", "pill": "💊", "pushpin": "📌", "question": "❓",
    "red_circle": "🔴", "repeat": "🔁", "rotating_light": "🚨", "satellite": "📡", "satellite_antenna": "📡", "shield": "🛡️",
    "siren": "🚨", "snail": "🐌", "sos": "🆘", "speaking_head_in_silhouette": "🗣️", "speech_balloon": "💬", "stethoscope": "🩺",
    "syringe": "💉", "tada": "🎉", "thermometer": "🌡️", "thumbsdown": "👎", "thumbsup": "👍", "triangular_flag_on_post": "🚩",
    "warning": "⚠️", "wave": "👋", "wastebasket": "🗑️", "white_check_mark": "✅", "white_circle": "⚪", "x": "❌", "zap": "⚡",
    "zzz": "💤",
}  # fmt: skip
