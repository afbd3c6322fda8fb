"""Filling the past: what sources can still list, what web archives hold."""
