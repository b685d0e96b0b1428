"""An SSH server of asyncssh on loopback, for the tests.

Its one argument is JSON: what asyncssh.listen() takes, and "pid_file", which
is written once it listens. Users log in with a key of authorized_client_keys,
run commands as whoever runs this, and may forward what they like. SIGUSR1
aborts all connections.
"""

import asyncio
import json
import logging
import os
import signal
import sys

import asyncssh

connections = set()


class Server(asyncssh.SSHServer):
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
