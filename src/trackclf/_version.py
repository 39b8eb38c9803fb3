"""The version, in one place: the build reads it here, every stamp carries it."""

__version__ = "0.1.0"
