"""An answer turned into data: pages, their text and facts; the worker processes that read them."""
