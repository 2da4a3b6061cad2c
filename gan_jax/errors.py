"""The one kind of error that is the user's to mend."""


class UserError(ValueError):
    """A mistake in what the user gave: the message is one line that says what to do.

    The command line prints it on standard error and exits with 2.
    """
