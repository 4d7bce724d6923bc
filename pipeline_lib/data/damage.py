"""Files that cannot be used: one kind of error for them, whatever the libraries make of damaged bytes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

LARGEST_COMPRESSION = 1032
"""Deflate spends at least one bit on 129 bytes: values that are more cannot be in so few bytes."""


class UnfitFile(ValueError):
    """A file that is damaged, or another than it should be; the message names it and says what to do."""


@contextmanager
def damage_told(error: Callable[[str], UnfitFile]) -> Iterator[None]:
    """Raise as `error(what was found)` all that a library raises in the block, which should read and do no more.

    Libraries of file formats trust what they read: a wrong byte can be a type that does not exist, a key that is not
    there, a number that is too large, a text in no encoding.
    """
    try:
        yield
    except UnfitFile:
        raise
    except (OSError, RuntimeError, LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as problem:
        raise error(f"is damaged ({problem})") from problem
    except MemoryError as problem:
        raise error("is damaged: it asks for more memory than there is") from problem
