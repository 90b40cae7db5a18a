"""Figures on posts, myths and topics that no model was trained on; `mythwatch evaluate` prints them."""
