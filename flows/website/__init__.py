"""The web edition: the archive that people search, follow and trust, served by `culture-monitor web`."""
