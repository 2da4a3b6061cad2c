"""Loading of pandas, which is not among the requirements, when a data frame is asked for."""

from types import ModuleType

from gan_jax.errors import UserError


def load_pandas() -> ModuleType:
    """Import pandas. Raises UserError, with the line that installs it, if it is not installed."""
    try:
        import pandas
    except ModuleNotFoundError as error:
        raise UserError("a data frame needs pandas: python -m pip install pandas") from error
    return pandas
