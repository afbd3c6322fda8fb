"""Opening the tagger, tagging what waits, learning from reviews."""
