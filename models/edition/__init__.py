"""An edition: the facts of a week, what is composed from them, its content, its words."""
