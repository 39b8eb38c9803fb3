"""Errors that trackclf raises on purpose. Each message says what to do."""


class TrackclfError(Exception):
    """Base of every error that trackclf raises on purpose."""


class TaxonomyError(TrackclfError):
    """A taxonomy folder cannot be used; `faults` lists file, line, term and reason.

    Attributes
    ----------
    faults : tuple of str
        One line a fault, as `trackclf taxonomy check` prints them.
    """

    def __init__(self, message: str, faults: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.faults = faults

    def __reduce__(self) -> tuple[type, tuple[str, tuple[str, ...]]]:
        return type(self), (str(self), self.faults)


class ModelError(TrackclfError):
    """Weights do not fit the taxonomy, or hold values that cannot be used."""


class InputError(TrackclfError):
    """A file, a row or an option that cannot be read as asked."""


class WorkerError(TrackclfError):
    """A worker process died in the middle of its work."""
