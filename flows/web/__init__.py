"""The web as the monitor meets it: polite requests, feeds, pages."""
