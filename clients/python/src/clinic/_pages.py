"""Lists in pages."""

from __future__ import annotations

import typing

from google.protobuf.message import Message

from clinic._caller import Caller
from clinic._method import Method
from clinic._retry import Metadata

Item = typing.TypeVar("Item")
Page = typing.TypeVar("Page", bound=Message)


class Pager(typing.Generic[Item, Page]):
    """A list, whose pages are fetched as they are needed: iterate over it for the items, over `pages` for the answers."""

    def __init__(
        self, caller: Caller, method: Method[typing.Any, Page], request: Message, field: str, timeout: float | None,
        metadata: Metadata,
    ) -> None:
        self._caller, self._method, self._request, self._field = caller, method, request, field
        self._timeout, self._metadata = timeout, metadata

    @property
    def pages(self) -> typing.Iterator[Page]:
        """The answers, the first one that of the request's page_token. Raises ClinicError."""
        request = typing.cast(typing.Any, type(self._request)())
        request.CopyFrom(self._request)
        while True:
            page = self._caller.call(self._method, request, self._timeout, None, self._metadata)
            yield page
            request.page_token = typing.cast(typing.Any, page).next_page_token
            if not request.page_token:
                return

    def __iter__(self) -> typing.Iterator[Item]:
        for page in self.pages:
            yield from getattr(page, self._field)
