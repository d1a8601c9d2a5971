# SPDX-License-Identifier: Apache-2.0
"""All exceptions of the package, one tree: `VineyardException` is a RuntimeError."""

from __future__ import annotations


class VineyardException(RuntimeError):
    """Something did not work. The text says what was asked, what is, and what to do."""


class InvalidException(VineyardException):
    """The request itself is wrong; asking again does not help."""


class KeyErrorException(VineyardException):
    """There is no such key."""


class TypeErrorException(VineyardException):
    """A value has another type than is wanted."""


class IOErrorException(VineyardException):
    """Reading or writing failed."""


class DeadlineException(IOErrorException):
    """The daemon did not answer in time; whether it did what was asked is unknown."""


class EndOfFileException(VineyardException):
    """The end was reached."""


class NotImplementedException(VineyardException):
    """This is not there (yet), or this host cannot do it."""


class AssertionFailedException(VineyardException):
    """A condition that the caller must keep does not hold."""


class UserInputErrorException(VineyardException):
    """An argument cannot be used."""


class DeniedException(VineyardException):
    """Not allowed for this caller."""


class CorruptException(VineyardException):
    """Bytes of another process or file are not what they must be."""


class ObjectExistsException(VineyardException):
    """There is already something under that id or name."""


class ObjectNotExistsException(VineyardException):
    """The object, or the name, does not exist (any more)."""


class ObjectSealedException(VineyardException):
    """The object cannot be changed any more."""


class ObjectNotSealedException(VineyardException):
    """The object is not published yet."""


class ObjectIsBlobException(VineyardException):
    """A blob was given where an object with metadata is wanted."""


class ObjectTypeErrorException(VineyardException):
    """The object has another type than is wanted."""


class MetaTreeInvalidException(VineyardException):
    """The metadata cannot be used."""


class MetaTreeTypeInvalidException(VineyardException):
    """The type name cannot be used."""


class MetaTreeTypeNotExistsException(VineyardException):
    """The metadata has no type name."""


class MetaTreeNameInvalidException(VineyardException):
    """The name in the metadata cannot be used."""


class MetaTreeNameNotExistsException(VineyardException):
    """The metadata does not say a name."""


class MetaTreeLinkInvalidException(VineyardException):
    """A link in the metadata cannot be used."""


class MetaTreeSubtreeNotExistsException(VineyardException):
    """A member is not there."""


class VineyardServerNotReadyException(VineyardException):
    """The daemon is starting."""


class ArrowErrorException(VineyardException):
    """Arrow data cannot be used."""


class ConnectionFailedException(VineyardException):
    """Nobody serves the socket."""


class ConnectionErrorException(VineyardException):
    """The daemon is gone, or the client is closed."""


class EtcdErrorException(VineyardException):
    """The metadata service failed."""


class AlreadyStoppedException(VineyardException):
    """It was stopped before."""


class RedisErrorException(VineyardException):
    """The metadata service failed."""


class NotEnoughMemoryException(VineyardException):
    """Memory, ids, names, pins or a quota are used up: the text says who holds what."""


class StreamDrainedException(VineyardException):
    """The stream has ended."""


class StreamFailedException(VineyardException):
    """The writer of the stream failed."""


class InvalidStreamStateException(VineyardException):
    """The stream is not in a state for this."""


class StreamOpenedException(VineyardException):
    """That side of the stream is open already."""


class GlobalObjectInvalidException(VineyardException):
    """A member is on another instance."""


class UnknownErrorException(VineyardException):
    """An error without a code of its own."""


def not_yet(what: str, instead: str = "") -> NotImplementedException:
    """The exception for a part of the interface that does not exist in this release; `instead` is what works today."""
    return NotImplementedException(f"{what} is not there yet in this release of vineyard{instead and ': '}{instead}")


def tell_not_yet(what: str, instead: str = "") -> int:
    """Says so on stderr, for a program that is not there yet; its exit status."""
    import sys

    print(f"vineyard: {not_yet(what, instead)}", file=sys.stderr)
    return 2
