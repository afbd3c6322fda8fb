"""Polite requests: one client, its network, robots.txt, and answers decoded within bounds."""
