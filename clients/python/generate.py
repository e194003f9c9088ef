"""Generates the messages, the services and the errors of the package from the schema.

    python generate.py DIRECTORY     # where the folder `clinic` with the generated modules goes

A build calls it (setup.py). protoc makes the messages; this script makes `clinic/v1/__init__.py`, which has all
messages and enumerations, `clinic/services.py` and `clinic/aio/services.py` with a class for each service, and
`clinic/errors.py` with an exception for each reason.
"""

import pathlib
import re
import sys
import tempfile

import grpc_tools
from google.protobuf import descriptor_pb2
from grpc_tools import protoc

NOTICE = '"""Generated from the schema by generate.py; do not edit."""\n\nfrom __future__ import annotations\n\n'
PREFIX = "ERROR_REASON_"


class Schema:
    """The descriptor set of the package, with its comments."""

    def __init__(self, files):
        self.files = files
        self.messages = {f".{file.package}.{m.name}": m for file in files for m in file.message_type}
        self.comments = {}
        for file in files:
            for location in file.source_code_info.location:
                self.comments[file.name, tuple(location.path)] = location.leading_comments

    def comment(self, file, *path):
        """What the schema says of an element, as paragraphs."""
        text = self.comments.get((file.name, path), "")
        return "\n".join(line.strip() for line in text.strip().splitlines())

    def item_field(self, method):
        """The repeated field of a list's response, or None for a method that is no list."""
        request, response = self.messages[method.input_type], self.messages[method.output_type]
        repeated = [field for field in response.field if field.label == field.LABEL_REPEATED]
        is_list = any(field.name == "page_token" for field in request.field) and any(
            field.name == "next_page_token" for field in response.field)
        return repeated[0] if is_list and len(repeated) == 1 else None


def schema(here):
    """The folder of the schema: beside a source distribution's setup.py, or at the repository's root."""
    for folder in (here / "proto", here.parent.parent / "proto"):
        if (folder / "clinic").is_dir():
            return folder
    raise SystemExit(f"generate: there is no schema beside {here}")


def snake(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def camel(name):
    return "".join(word.capitalize() for word in name.split("_"))


def local(type_name):
    return "v1." + type_name.rsplit(".", 1)[1]


def docstring(text, indent):
    text = text.replace("\\", "\\\\").replace('"""', "'''")
    return "\n".join((indent + line).rstrip() for line in f'"""{text}"""'.splitlines()) + "\n"


def compile_messages(proto, output):
    """Runs protoc on the package, and returns the descriptors."""
    files = sorted(str(path.relative_to(proto)) for path in (proto / "clinic" / "v1").glob("*.proto"))
    well_known = pathlib.Path(grpc_tools.__file__).parent / "_proto"
    with tempfile.TemporaryDirectory() as folder:
        descriptors = pathlib.Path(folder) / "descriptors"
        arguments = ["protoc", f"-I{proto}", f"-I{well_known}", f"--python_out={output}", f"--pyi_out={output}",
                     "--include_source_info", f"--descriptor_set_out={descriptors}", *files]
        if protoc.main(arguments) != 0:
            raise SystemExit("generate: protoc failed")
        return Schema(list(descriptor_pb2.FileDescriptorSet.FromString(descriptors.read_bytes()).file))


def message_module(schema):
    lines = []
    for file in schema.files:
        module = pathlib.Path(file.name).stem + "_pb2"
        for element in [*file.message_type, *file.enum_type]:
            lines.append(f"from clinic.v1.{module} import {element.name} as {element.name}")
        for enum in file.enum_type:
            lines += [f"from clinic.v1.{module} import {value.name} as {value.name}" for value in enum.value]
    return NOTICE.replace("from __future__ import annotations\n\n", "") + "\n".join(lines) + "\n"


def service_module(schema, is_async):
    kind = "Async" if is_async else ""
    parts = [NOTICE, "import typing\n\n", f"from clinic{'.aio' if is_async else ''}._caller import {kind}Caller\n",
             "from clinic._method import Method\n",
             f"from clinic{'.aio' if is_async else ''}._pages import {kind}Pager\n"
             f"from clinic{'.aio' if is_async else ''}._watch import {kind}Watch\n"
             "from clinic import v1\n\n_Metadata = typing.Sequence[tuple[str, str | bytes]]\n"]
    for file in schema.files:
        for index, service in enumerate(file.service):
            parts.append(f"\n\nclass {service.name}:\n")
            parts.append(docstring(schema.comment(file, 6, index), "    "))
            parts.append(f"\n    def __init__(self, caller: {kind}Caller) -> None:\n        self._caller = caller\n")
            for place, method in enumerate(service.method):
                comment = schema.comment(file, 6, index, 2, place)
                parts.append("\n" + service_method(schema, file, service, method, comment, is_async))
    parts.append(f'\n\nclass Services:\n    """Every service of the API."""\n\n    def __init__(self, caller: {kind}Caller) -> None:\n')
    for service in (service for file in schema.files for service in file.service):
        parts.append(f"        self.{snake(service.name.removesuffix('Service'))} = {service.name}(caller)\n")
    return "".join(parts)


def service_method(schema, file, service, method, comment, is_async):
    """One method of a service: a call, a list in pages, a watch that resumes, or another stream."""
    request, response = local(method.input_type), local(method.output_type)
    is_read = method.options.idempotency_level == method.options.NO_SIDE_EFFECTS
    path, name = f"/{file.package}.{service.name}/{method.name}", snake(method.name)
    constant = f"    _{name} = Method(\n        {path!r}, {request}, {response}, is_read={is_read})\n"
    item = schema.item_field(method)
    kind, prefix = ("Async", "async ") if is_async else ("", "")
    if method.server_streaming:
        # A stream that can be resumed has its place in the request and in each response.
        resumes = all(any(field.name == "resume_token" for field in schema.messages[name].field)
                      for name in (method.input_type, method.output_type))
        if resumes:
            result, call, prefix = f"{kind}Watch", f"{kind}Watch(self._caller, self._{name}, request, metadata)", ""
        else:
            iterator = "AsyncIterator" if is_async else "Iterator"
            result, prefix = f"typing.{iterator}[{response}]", ""
            call = f"self._caller.stream(self._{name}, request, timeout, metadata)"
    elif item is not None:
        result = f"{kind}Pager[{local(item.type_name)}, {response}]"
        call, prefix = f"{kind}Pager(self._caller, self._{name}, request, {item.name!r}, timeout, metadata)", ""
    else:
        result, call = response, f"self._caller.call(self._{name}, request, timeout, idempotency_key, metadata)"
        if is_async:
            call = "await " + call
    options = [] if result.endswith("Watch") else ["timeout: float | None = None"]
    if not (is_read or method.server_streaming):
        options.append("idempotency_key: str | None = None")
    call = call if "idempotency_key: str | None = None" in options else call.replace("idempotency_key", "None")
    options.append("metadata: _Metadata = ()")
    return (f"{constant}\n    {prefix}def {name}(\n        self, request: {request}, *, {', '.join(options)}\n"
            f"    ) -> {result}:\n{docstring(comment, '        ')}"
            f"        return {call}\n")


def reasons(schema, proto):
    """Every reason with what the schema says of it."""
    for file in schema.files:
        for index, enum in enumerate(file.enum_type):
            if enum.name == "ErrorReason":
                for place, value in enumerate(enum.value):
                    if value.number != 0:
                        yield value.name.removeprefix(PREFIX), schema.comment(file, 5, index, 2, place)
                return
    # A schema without the enumeration has its reasons in the tables of the reference.
    row = re.compile(r"^\| `([A-Z_]+)` \| `([A-Z_]+)` \| (.*?) \| (.*?) \|$", re.MULTILINE)
    for reason, code, message, retry in row.findall((proto / "README.md").read_text(encoding="utf-8")):
        yield reason, f"{code}: {message}.\n\nRetry: {retry}."


def error_module(schema, proto):
    parts = [NOTICE, "from clinic._failure import ClinicError as ClinicError\n"]
    for reason, comment in reasons(schema, proto):
        name = camel(reason) + ("" if reason.endswith("ERROR") else "Error")
        parts.append(f'\n\nclass {name}(ClinicError, reason="{reason}"):\n{docstring(comment, "    ")}')
    return "".join(parts)


def generate(proto, output):
    """Writes the generated modules into `output`/clinic."""
    output.mkdir(parents=True, exist_ok=True)
    schema = compile_messages(proto, output)
    package = output / "clinic"
    (package / "aio").mkdir(exist_ok=True)
    (package / "v1" / "__init__.py").write_text(message_module(schema))
    (package / "services.py").write_text(service_module(schema, is_async=False))
    (package / "aio" / "services.py").write_text(service_module(schema, is_async=True))
    (package / "errors.py").write_text(error_module(schema, proto))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: generate.py DIRECTORY")
    generate(schema(pathlib.Path(__file__).resolve().parent), pathlib.Path(sys.argv[1]))
