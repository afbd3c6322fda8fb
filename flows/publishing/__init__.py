"""An edition as people get it: one view of it, a template per form, the archive, the mail and its delivery, leaving the list."""
