"""Frozen dataclasses that mirror protobuf messages, field by field and under the same names.

A mirror gives callers plain Python values (tuples, ``None``, string enums, types that checkers know) in
place of protobuf's. The correspondence is the dataclass itself: nothing is written down twice, and a test
holds every mirror against its message.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from types import NoneType
from typing import Any, ClassVar, Self, get_args, get_origin, get_type_hints

from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message


class Mirror:
    """Base of the results. A subclass is a frozen dataclass that names its message in ``pb``.

    ``None`` stands for a field that is absent, and only fields typed ``… | None`` can be: an absent message
    in any other field reads as its defaults.
    """

    __slots__ = ()
    pb: ClassVar[type[Message]]

    @classmethod
    def from_pb(cls, message: Message) -> Self:
        return cls(**{field.name: _read(message, field) for field in _fields(cls)})

    def to_pb(self) -> Message:
        """The protobuf message with the same content."""
        names = [field.name for field in _fields(type(self))]
        return self.pb(**{name: _written(getattr(self, name), self.pb, name) for name in names})

    @classmethod
    def from_dict(cls, mapping: dict[str, Any]) -> Self:
        """Reads what ``to_dict`` gave. Raises ``ValueError`` when it is something else."""
        if not isinstance(mapping, dict):  # ParseDict takes an empty list for an empty message
            raise ValueError(f"not a {cls.__name__}: {mapping!r:.40}")
        try:
            return cls.from_pb(ParseDict(mapping, cls.pb()))
        except Exception as error:  # ParseDict lets AttributeError and TypeError out, besides its own
            raise ValueError(f"not a {cls.__name__}: {error}") from None

    def to_dict(self) -> dict[str, Any]:
        """Protobuf's JSON mapping with the proto's own field names, ready for ``json.dumps``.

        Every field is there, ``"start": 0`` and ``"text": ""`` too, save optional ones that are absent.
        """
        return MessageToDict(
            self.to_pb(), preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )


@dataclass(frozen=True, slots=True)
class _Field:
    """One field of a mirror: ``kind`` is the class of its values, ``shape`` what holds them, if anything."""

    name: str
    kind: type
    shape: type | None
    may_lack: bool


def _fields(cls: Any) -> tuple[_Field, ...]:  # Any: to a type checker, a dataclass's class is not hashable
    return _fields_of(cls)


@cache
def _fields_of(cls: Any) -> tuple[_Field, ...]:
    fields = []
    for name, hint in get_type_hints(cls).items():
        if name == "pb":
            continue
        kinds = [kind for kind in get_args(hint) if kind not in (NoneType, Ellipsis)] or [hint]
        fields.append(_Field(name, kinds[0], get_origin(hint), NoneType in get_args(hint)))
    return tuple(fields)


def _read(message: Message, field: _Field) -> Any:
    if field.may_lack and not message.HasField(field.name):
        return None
    value = getattr(message, field.name)
    if field.shape is Mapping:
        return dict(value)
    if field.shape is tuple:
        return tuple(_plain(message, field, each) for each in value)
    return _plain(message, field, value)


def _plain(message: Message, field: _Field, value: Any) -> Any:
    if issubclass(field.kind, Mirror):
        return field.kind.from_pb(value)
    if issubclass(field.kind, StrEnum):
        names = _enum_names(type(message), field.name)
        return field.kind(names.get(value, "UNSPECIFIED"))  # a newer server may know more
    return value


def _written(value: Any, pb: type[Message], name: str) -> Any:
    if isinstance(value, tuple):
        return [_written(each, pb, name) for each in value]
    if isinstance(value, Mirror):
        return value.to_pb()
    if isinstance(value, StrEnum):
        return enum_number(pb, name, value)
    return value


def enum_number(pb: type[Message], field: str, value: str) -> int:
    """The number that ``pb``'s enum ``field`` gives to a value's short name."""
    return next(number for number, name in _enum_names(pb, field).items() if name == value)


def _enum_names(pb: type[Message], field: str) -> dict[int, str]:
    """Short names by number: without the prefix that proto style asks for, FINISH_REASON_EOS reads EOS."""
    enum: Any = pb.DESCRIPTOR.fields_by_name[field].enum_type
    prefix = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", enum.name).upper() + "_"
    return {value.number: value.name.removeprefix(prefix) for value in enum.values}
