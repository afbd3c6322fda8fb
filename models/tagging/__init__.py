"""The classifier: is an article in scope, which themes does it carry, and which sentence shows it."""
