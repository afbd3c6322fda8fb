"""What the tests work with: fakes of the outside world, and real servers of this machine."""
