"""The errors that are the user's to mend."""


class UserError(ValueError):
    """A mistake in what the user gave: the message is one line that says what to do.

    The command line prints it on standard error and exits with 2.
    """


class DivergedError(UserError):
    """A run whose loss or gradient is no longer a finite number: its setting is at fault."""


def require(condition: bool, message: str) -> None:
    """Raise UserError(message) unless the condition holds."""
    if not condition:
        raise UserError(message)
