"""The quality gate: a small labelled set of our own, and the floors that the tagger must keep to on it."""
