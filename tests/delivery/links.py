"""Links between agents and a collector that can be cut, slowed, and made to lose what comes back."""

import asyncio
import threading
from contextlib import suppress
from urllib.parse import urlsplit


class Link:
    """A port that leads to another; what it does to the bytes can be changed at any time, from any thread."""

    def __init__(self, links: "Links") -> None:
        self._links = links
        self.is_up, self.delay_s, self.loses_answers = True, 0.0, False
        self.url = ""
        self._open: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        """Break what is connected and refuse the rest."""
        self.is_up = False
        self._links.loop.call_soon_threadsafe(self._break)

    def slow(self) -> None:
        self.delay_s = 0.05

    def lose_answers(self) -> None:
        self.loses_answers = True

    def heal(self) -> None:
        self.is_up, self.delay_s, self.loses_answers = True, 0.0, False

    def drop(self) -> None:
        """Break what is connected; new connections work."""
        self._links.loop.call_soon_threadsafe(self._break)

    def _break(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            if self.is_up:
                with suppress(OSError):
                    await self._join(reader, writer)
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far = urlsplit(self._links.target)
        far_reader, far_writer = await asyncio.open_connection(far.hostname, far.port)
        try:
            there = asyncio.create_task(self._pump(reader, far_writer, answers=False))
            back = asyncio.create_task(self._pump(far_reader, writer, answers=True))
            _, pending = await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()
            await asyncio.gather(there, back, return_exceptions=True)
        finally:
            far_writer.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, answers: bool) -> None:
        with suppress(OSError):
            while data := await source.read(2048 if self.delay_s else 65536):
                await asyncio.sleep(self.delay_s)
                if answers and self.loses_answers:
                    return
                sink.write(data)
                await sink.drain()


class Links:
    """All links of a test, in one thread."""

    def __init__(self) -> None:
        self.target = ""
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self._servers: list[asyncio.Server] = []

    def link(self) -> Link:
        link = Link(self)
        server = asyncio.run_coroutine_threadsafe(self._listen(link), self.loop).result()
        self._servers.append(server)
        link.url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return link

    async def _listen(self, link: Link) -> asyncio.Server:
        return await asyncio.start_server(link.accept, "127.0.0.1", 0)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._shut(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    async def _shut(self) -> None:
        for server in self._servers:
            server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
