"""One module for each group of commands; each reads its options, calls a job and shows the result."""
