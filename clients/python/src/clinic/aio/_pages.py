"""Lists in pages, for asyncio."""

from __future__ import annotations

import typing

from google.protobuf.message import Message

from clinic._method import Method
from clinic._pages import Item, Page
from clinic._retry import Metadata
from clinic.aio._caller import AsyncCaller


class AsyncPager(typing.Generic[Item, Page]):
    """A list, whose pages are fetched as they are needed: iterate over it for the items, over `pages` for the answers."""

    def __init__(
        self, caller: AsyncCaller, method: Method[typing.Any, Page], request: Message, field: str,
        timeout: float | None, metadata: Metadata,
    ) -> None:
        self._caller, self._method, self._request, self._field = caller, method, request, field
        self._timeout, self._metadata = timeout, metadata

    @property
    async def pages(self) -> typing.AsyncIterator[Page]:
        """The answers, the first one that of the request's page_token. Raises ClinicError."""
        request = typing.cast(typing.Any, type(self._request)())
        request.CopyFrom(self._request)
        while True:
            page = await self._caller.call(self._method, request, self._timeout, None, self._metadata)
            yield page
            request.page_token = typing.cast(typing.Any, page).next_page_token
            if not request.page_token:
                return

    async def __aiter__(self) -> typing.AsyncIterator[Item]:
        async for page in self.pages:
            for item in getattr(page, self._field):
                yield item
