"""profile.proto -> protobuf message classes, read from the text at run time.

So the .proto in the tree is the only description there is: no generated file can disagree with it, and building
needs no protoc. Only the part of the language that this file uses is understood; anything else is an error.
"""

import re
from functools import cache
from importlib import resources
from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Field

_SCALARS: Final = {
    "int64": Field.TYPE_INT64,
    "uint64": Field.TYPE_UINT64,
    "bool": Field.TYPE_BOOL,
    "string": Field.TYPE_STRING,
}
_FIELD: Final = re.compile(r"(repeated )?(\w+) (\w+) = (\d+);")
_MESSAGE: Final = re.compile(r"message (\w+) \{")
_PACKAGE: Final = re.compile(r"package ([\w.]+);")
_IGNORED: Final = ("", "}", 'syntax = "proto3";')


def parse(text: str) -> descriptor_pb2.FileDescriptorProto:
    """The file's description. `repeated int64 value = 2;` inside `message Sample {` becomes a field of Sample."""
    file = descriptor_pb2.FileDescriptorProto(name="profile.proto", syntax="proto3")
    for number, line in enumerate(text.splitlines(), start=1):
        code = line.partition("//")[0].strip()
        if code in _IGNORED:
            continue
        if match := _MESSAGE.fullmatch(code):
            file.message_type.add(name=match[1])
        elif match := _PACKAGE.fullmatch(code):
            file.package = match[1]
        elif match := _FIELD.fullmatch(code):
            _add_field(file, match)
        else:
            raise ValueError(f"profile.proto:{number}: cannot read {code!r}")
    return file


def _add_field(file: descriptor_pb2.FileDescriptorProto, match: re.Match[str]) -> None:
    repeated, kind, name, number = match.groups()
    label = Field.LABEL_REPEATED if repeated else Field.LABEL_OPTIONAL
    field = file.message_type[-1].field.add(name=name, number=int(number), label=label)
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    else:
        field.type = Field.TYPE_MESSAGE
        field.type_name = f".{file.package}.{kind}"


@cache
def profile_class() -> Any:
    """The class of `perftools.profiles.Profile`."""
    text = (resources.files(__package__) / "profile.proto").read_text("utf-8")
    pool = descriptor_pool.DescriptorPool()
    file = parse(text)
    pool.Add(file)  # type: ignore[no-untyped-call, unused-ignore]
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{file.package}.Profile"))
