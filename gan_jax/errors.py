"""Errors that the user can correct."""


class UserError(ValueError):
    """Invalid input from the user; the message is one line that says what to do.

    The command line prints it to standard error and exits with status 2.
    """


class DivergedError(UserError):
    """Training whose loss or gradient is no longer finite, because of its hyperparameters."""

    def __init__(self, message: str, reason: str = ""):
        super().__init__(message)
        self.reason = reason  # the metric, iteration and epoch


def require(condition: bool, message: str) -> None:
    """Raise UserError(message) unless the condition holds."""
    if not condition:
        raise UserError(message)
