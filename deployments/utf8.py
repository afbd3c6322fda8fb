"""Python's UTF-8 mode where the locale is plain ASCII (LC_ALL=C, many cron jobs and containers) and that mode is off."""

import os
import sys


def use_utf8() -> None:
    """Begin this program anew in UTF-8 mode where the file system's encoding is ASCII; else nothing.

    There no name of a person, file or source beyond ASCII could be read from the command line, printed or opened. Python
    decides this before our first line runs, for words, names of files and streams alike, so it is asked once more.
    """
    if sys.getfilesystemencoding() != "ascii" or sys.flags.utf8_mode or not sys.executable:
        return
    os.environ["PYTHONUTF8"] = "1"  # for the processes that we start
    os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606 - the program itself
