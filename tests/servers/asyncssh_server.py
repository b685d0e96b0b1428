"""An SSH server of asyncssh on loopback, for the tests.

Its one argument is JSON: what asyncssh.listen() takes, "pid_file", which is
written once it listens, and "share_ports": whether several connections may
listen on one port (SO_REUSEPORT). Users log in with a key of authorized_client_keys,
run commands as whoever runs this, and may forward what they like. SIGUSR1
aborts all connections.
"""

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import sys
import types

import asyncssh

connections = set()


class SharedListener(asyncssh.SSHListener):
    """A forwarded port that other connections can listen on as well."""

    def __init__(self, connection, host, port):
        super().__init__()
        self.connection = connection
        self.host = host
        self.socket = socket.create_server((host, port), reuse_port=True)
        self.socket.setblocking(False)
        self.loop = asyncio.get_running_loop()
        self.loop.add_reader(self.socket, self.accept_all)
        self.tasks = set()

    def accept_all(self):
        while True:
            try:
                accepted, peer = self.socket.accept()
            except BlockingIOError:
                return
            opening = self.connection.open_connection(
                self.host, self.get_port(), *peer[:2]
            )
            # Sends it now: none may be opened after a cancel was answered.
            opening = resume(opening, opening.send(None))
            task = self.loop.create_task(self.forward(accepted, opening))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def forward(self, accepted, opening):
        with contextlib.suppress(asyncssh.Error, OSError), accepted:
            there, back = await opening
            with contextlib.closing(back):
                reader, writer = await asyncio.open_connection(sock=accepted)
                with contextlib.closing(writer):
                    await asyncio.gather(copy(reader, back), copy(there, writer))

    def get_port(self):
        return self.socket.getsockname()[1]

    def close(self):
        self.loop.remove_reader(self.socket)
        self.accept_all()  # the kernel resets what waits here
        self.socket.close()

    async def wait_closed(self):
        pass


@types.coroutine
def resume(coroutine, waits_for):
    """Goes on with a coroutine that was started and waits for a future."""
    yield waits_for
    return (yield from coroutine)


async def copy(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.write_eof()


class Server(asyncssh.SSHServer):
    share_ports = False

    def connection_made(self, connection):
        self.connection = connection
        connections.add(connection)

    def connection_lost(self, error):
        connections.discard(self.connection)

    def connection_requested(self, dest_host, dest_port, orig_host, orig_port):
        return True

    def unix_connection_requested(self, dest_path):
        return True

    def server_requested(self, listen_host, listen_port):
        if self.share_ports:
            return SharedListener(self.connection, listen_host, listen_port)
        return True

    def unix_server_requested(self, listen_path):
        return True


async def run_command(process):
    child = await asyncio.create_subprocess_shell(
        process.command or "cat",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    await process.redirect(child.stdin, child.stdout, child.stderr)
    code = await child.wait()
    await process.stdout.drain()
    if code < 0:
        process.exit_with_signal(signal.Signals(-code).name[3:])
    else:
        process.exit(code)


def abort_connections():
    for connection in list(connections):
        connection.abort()


async def main():
    options = json.loads(sys.argv[1])
    pid_file = options.pop("pid_file")
    Server.share_ports = options.pop("share_ports", False)
    await asyncssh.listen(
        server_factory=Server,
        process_factory=run_command,
        encoding=None,
        **options,
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, abort_connections)
    with open(pid_file, "w") as file:
        file.write(str(os.getpid()))
    await asyncio.Event().wait()


logging.basicConfig(level=logging.INFO)
asyncio.run(main())
